//! Tapes held against real servers on HTTP, of both eras, on a socket.

#![cfg(all(feature = "http-client", feature = "http-server"))]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use shadowcat::connect::Http;
use shadowcat::connect::http::HttpClient;
use shadowcat::serve::http::SessionInfo;
use shadowcat::verify::{Report, Verify};
use shadowcat::wire::http::Endpoint;
use shadowcat::{Error, JsonRpcMessage, Kind, Reply, RpcService, serve};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tower::service_fn;

use crate::support::{msg, note, progress, soon};
use crate::verified::{Made, answer, found, stream};

const QUESTION: &str =
    r#"{"jsonrpc":"2.0","id":51,"method":"elicitation/create","params":{"message":"sure?"}}"#;
const TOOLS: &str = r#"{"tools":[{"name":"t","inputSchema":{"type":"object"}}]}"#;

/// A server of ours; it stops with the sender.
struct Server {
    url: String,
    _stop: oneshot::Sender<()>,
}

/// What a server says of its tool.
type Text = &'static str;

fn said(text: Text) -> String {
    format!(r#"{{"content":[{{"type":"text","text":"{text}"}}]}}"#)
}

/// Asks its client before it answers, and tells it that its tools have changed.
fn legacy(text: Text) -> impl RpcService {
    let answered = Arc::new(Notify::new());
    service_fn(move |message: JsonRpcMessage| {
        let answered = answered.clone();
        async move {
            Ok::<_, Error>(match (message.kind(), message.method()) {
                (Kind::Response, _) => {
                    assert!(
                        message.result().is_some_and(|result| result.starts_with(br#"{"action":"accept""#))
                    );
                    answered.notify_one();
                    Reply::empty()
                }
                (Kind::Notification, _) => Reply::empty(),
                _ if message.is_session_listen() => {
                    let (sender, reply) = Reply::channel(4);
                    sender.try_send(msg(note("notifications/tools/list_changed"))).unwrap();
                    tokio::spawn(async move { sender.cancelled().await });
                    reply
                }
                (_, Some("initialize")) => answer(&message, AGREED),
                (_, Some("tools/list")) => answer(&message, TOOLS),
                _ => {
                    let (sender, reply) = Reply::channel(4);
                    sender.try_send(msg(progress("\"p\"", 1))).unwrap();
                    sender.try_send(msg(QUESTION)).unwrap();
                    tokio::spawn(async move {
                        answered.notified().await;
                        sender.finish(message.responder().result(said(text)).unwrap().unwrap());
                    });
                    reply
                }
            })
        }
    })
}

/// Gives out another state in each round, and takes no other back.
fn modern(text: Text) -> impl RpcService {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let state = format!("state-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    service_fn(move |message: JsonRpcMessage| {
        let params = String::from_utf8_lossy(message.params().unwrap_or_default()).into_owned();
        let reply = match message.method() {
            Some("server/discover") => answer(
                &message,
                r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}"#,
            ),
            Some("tools/list") => answer(&message, TOOLS),
            Some("tools/call") if params.contains(&format!(r#""requestState":"{state}""#)) => {
                stream(&message, &[progress("\"p\"", 1)], &said(text))
            }
            Some("tools/call") if params.contains("requestState") => answer(&message, &said("another state")),
            Some("tools/call") => {
                let asked = r#"{"q":{"method":"elicitation/create","params":{"message":"sure?"}}}"#;
                let result = format!(
                    r#"{{"resultType":"input_required","inputRequests":{asked},"requestState":"{state}"}}"#
                );
                answer(&message, &result)
            }
            _ => Reply::empty(),
        };
        std::future::ready(Ok::<_, Error>(reply))
    })
}

impl Server {
    async fn start(text: Text) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = Endpoint::bound_to("/mcp", address).unwrap();
        let sessions = service_fn(move |_: SessionInfo| std::future::ready(Ok::<_, Error>(legacy(text))));
        let http = serve::http(endpoint).sessions(sessions).stateless(modern(text)).build();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = http.server().drain(Duration::ZERO);
        tokio::spawn(server.run(listener, async move { drop(stopped.await) }));
        Self { url: format!("http://{address}/mcp"), _stop: stop }
    }

    async fn play(&self, tape: Made) -> Report {
        let leaf = Http::new(HttpClient::new(), self.url.parse().unwrap());
        soon(Verify::new(tape.source()).run(leaf)).await.unwrap()
    }
}

const AGREED: &str =
    r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}"#;

fn recorded_legacy() -> Made {
    let initialize = r#"{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{"name":"c","version":"1"}}"#;
    Made::new()
        .call(1, "initialize", initialize, AGREED)
        .client(&note("notifications/initialized"))
        .server(&note("notifications/tools/list_changed"))
        .call(2, "tools/list", "{}", TOOLS)
        .client(r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t","_meta":{"progressToken":"p"}}}"#)
        .server(&progress("\"p\"", 1))
        .server(QUESTION)
        .client(r#"{"jsonrpc":"2.0","id":51,"result":{"action":"accept"}}"#)
        .server(&format!(r#"{{"jsonrpc":"2.0","id":3,"result":{}}}"#, said("as ever")))
}

fn recorded_modern() -> Made {
    let meta = r#""_meta":{"progressToken":"p","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}"#;
    let asked = r#"{"q":{"method":"elicitation/create","params":{"message":"sure?"}}}"#;
    let first = format!(r#"{{"resultType":"input_required","inputRequests":{asked},"requestState":"then"}}"#);
    let again = r#""inputResponses":{"q":{"action":"accept"}},"requestState":"then""#;
    let discovered = r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}"#;
    Made::new()
        .call(1, "server/discover", &format!("{{{meta}}}"), discovered)
        .call(2, "tools/list", &format!("{{{meta}}}"), TOOLS)
        .call(3, "tools/call", &format!(r#"{{"name":"t",{meta}}}"#), &first)
        .client(&format!(
            r#"{{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{{"name":"t",{again},{meta}}}}}"#
        ))
        .server(&progress("\"p\"", 1))
        .server(&format!(r#"{{"jsonrpc":"2.0","id":4,"result":{}}}"#, said("as ever")))
}

#[tokio::test]
async fn a_session_is_played_to_a_server_on_http() {
    let report = Server::start("as ever").await.play(recorded_legacy()).await;
    assert!(report.is_deterministic() && report.totals.calls == 3, "{report}");
    assert_eq!(report.totals.findings, 0, "{report}");
    let report = Server::start("otherwise").await.play(recorded_legacy()).await;
    assert_eq!(found(&report), [(3, "differs", "/result/content/0/text")], "{report}");
}

#[tokio::test]
async fn requests_that_stand_alone_are_played_to_a_server_on_http() {
    let report = Server::start("as ever").await.play(recorded_modern()).await;
    assert!(report.is_deterministic() && report.totals.calls == 4, "{report}");
    assert_eq!(report.totals.findings, 0, "{report}");
    let report = Server::start("otherwise").await.play(recorded_modern()).await;
    assert_eq!(found(&report), [(4, "differs", "/result/content/0/text")], "{report}");
}
