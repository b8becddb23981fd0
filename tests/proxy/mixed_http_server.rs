//! Clients over stdio, servers over HTTP: real sockets, and behind them a real process or what a test makes up.

#![cfg(feature = "stdio")]

use axum::Router;
use axum::body::Body as Answer;
use axum::routing::any;
use futures::{StreamExt, stream};
use http::{HeaderMap, Request, Response};
use serde_json::{Value, json};
use shadowcat::connect::Http;
use shadowcat::connect::http::{Body, HttpClient, Options};
use shadowcat::layer::CatchErrorLayer;
use shadowcat::{BoxError, Error, serve};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tower::util::BoxCloneService;
use tower::{Layer, Service, service_fn};

use crate::mixed::*;
use crate::support::{self, Peer, Seen, cancelled, peer, soon};

type Client = BoxCloneService<Request<Body>, Response<shadowcat::connect::http::ResponseBody>, BoxError>;

/// A client on a pipe of a proxy to `url`.
struct Stdio {
    client: Peer,
    leaf: Http<Client>,
    /// The methods that were posted.
    posted: Seen,
    served: JoinHandle<Result<(), Error>>,
}

fn stdio(url: &str) -> Stdio {
    let posted = Seen::default();
    let (seen, http) = (posted.clone(), HttpClient::new());
    let client = service_fn(move |request: Request<Body>| {
        let method = request.headers().get("mcp-method").map(|value| value.to_str().unwrap().to_owned());
        seen.push(method.unwrap_or_else(|| request.method().to_string()));
        let sent = http.clone().call(request);
        async move { Ok(sent.await?) }
    });
    let leaf = Http::with_options(Client::new(client), url.parse().unwrap(), Options::new());
    let (client, read, write) = peer(1 << 16);
    let stack = CatchErrorLayer::new().layer(leaf.clone());
    let served = tokio::spawn(serve::stdio(stack).run_on(read, write));
    Stdio { client, leaf, posted, served }
}

impl Stdio {
    async fn say(&mut self, id: &Value, method: &str, params: Value) {
        self.client.say(modern_text(id, method, &params)).await;
    }

    async fn call(&mut self, id: &Value, arguments: Value) {
        self.say(id, "tools/call", json!({ "name": "t", "arguments": arguments })).await;
    }

    async fn hear(&mut self) -> Value {
        serde_json::from_str(&self.client.hear().await.expect("the proxy is there")).unwrap()
    }

    fn posts(&self, method: &str) -> usize {
        self.posted.all().iter().filter(|posted| *posted == method).count()
    }
}

#[tokio::test]
async fn what_the_server_wants_mirrored_is_mirrored_for_a_client_that_knows_nothing_of_it() {
    let proxy = Proxy::start(100).await;
    let mut stdio = stdio(&proxy.url);
    for (id, a) in [(json!(1), "x"), (json!("1"), " caf\u{e9}\n"), (json!(2), "=?base64?eA==?=")] {
        stdio.call(&id, json!({ "a": a })).await;
        let answer = stdio.hear().await;
        assert_eq!((&answer["id"], &answer["result"]["a"]), (&id, &json!(a)), "{answer}");
    }
    assert_eq!((stdio.posts("tools/list"), stdio.leaf.stats().repeated_calls), (1, 0));
}

#[tokio::test]
async fn a_call_whose_head_is_out_of_date_is_sent_again_with_the_right_one() {
    let proxy = Proxy::start(100).await;
    let mut stdio = stdio(&proxy.url);
    stdio.call(&json!(1), json!({ "do": "rename" })).await; // and nobody told the client
    stdio.hear().await;
    stdio.call(&json!(2), json!({ "a": "x" })).await;
    let answer = stdio.hear().await;
    assert_eq!((&answer["id"], &answer["result"]["a"]), (&json!(2), &json!("x")), "{answer}");
    assert_eq!((stdio.posts("tools/list"), stdio.leaf.stats().repeated_calls), (2, 1));
    assert_eq!(proxy.count(r#""a":"x""#), 1);
}

#[tokio::test]
async fn a_cancellation_ends_the_request_and_is_not_posted() {
    let proxy = Proxy::start(100).await;
    let mut stdio = stdio(&proxy.url);
    stdio.call(&json!(1), json!({ "do": "wait" })).await;
    proxy.receives(&[r#""do":"wait""#]).await;
    stdio.client.say(cancelled(1)).await;
    proxy.receives(&["notifications/cancelled", r#""requestId":1"#]).await;
    stdio.client.say(cancelled(1)).await; // it crossed nothing, and names nobody
    stdio.call(&json!(1), json!({ "a": "x" })).await;
    let answer = stdio.hear().await;
    assert_eq!((&answer["id"], &answer["result"]["a"]), (&json!(1), &json!("x")), "{answer}");
    assert_eq!((stdio.posts("notifications/cancelled"), proxy.count("notifications/cancelled")), (0, 1));
}

#[tokio::test]
async fn a_subscription_goes_through_both_ways_and_ends_with_the_servers_word() {
    let proxy = Proxy::start(100).await;
    let mut stdio = stdio(&proxy.url);
    let key = "io.modelcontextprotocol/subscriptionId";
    for (id, end) in [(json!("1"), "finish"), (json!(2), "cancel")] {
        stdio
            .say(&id, "subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }))
            .await;
        assert_eq!(stdio.hear().await["params"]["_meta"][key], id);
        stdio.call(&json!(7), json!({ "do": end })).await;
        let mut both = [stdio.hear().await, stdio.hear().await];
        both.sort_by_key(|message| message["id"] == 7);
        let [ended, answer] = both;
        assert!(answer["result"].is_object(), "{answer}");
        match end {
            "finish" => assert_eq!((&ended["id"], &ended["result"]["_meta"][key]), (&id, &id)),
            _ => assert_eq!(
                (&ended["method"], &ended["params"]["requestId"]),
                (&json!("notifications/cancelled"), &id)
            ),
        }
    }
}

/// A server that answers by its methods, as `answer` says.
async fn server(answer: fn(&str, HeaderMap) -> Response<Answer>) -> String {
    let app = Router::new().route(
        "/mcp",
        any(move |request: Request<Answer>| async move {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            answer(body["method"].as_str().unwrap_or_default(), head.headers)
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/mcp")
}

fn said(status: u16, kind: &str, body: impl Into<Answer>) -> Response<Answer> {
    Response::builder().status(status).header("content-type", kind).body(body.into()).unwrap()
}

static BREAK: Notify = Notify::const_new();

#[tokio::test]
async fn a_listen_that_breaks_is_cancelled_and_never_answered_for_the_server() {
    let url = server(|method, _| {
        let ack = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\"}\n\n";
        match method {
            "subscriptions/listen" => {
                let breaks = stream::once(async {
                    BREAK.notified().await;
                    Err(std::io::Error::other("broken"))
                });
                said(200, "text/event-stream", Answer::from_stream(stream::iter([Ok(ack)]).chain(breaks)))
            }
            _ => said(200, "text/event-stream", ack),
        }
    });
    let mut stdio = stdio(&url.await);
    stdio.say(&json!("L"), "subscriptions/listen", json!({ "notifications": {} })).await;
    assert_eq!(stdio.hear().await["method"], "notifications/subscriptions/acknowledged");
    BREAK.notify_one();
    let end = stdio.hear().await;
    assert_eq!(
        (&end["method"], &end["params"]["requestId"]),
        (&json!("notifications/cancelled"), &json!("L")),
        "{end}"
    );
    // The id is free again, and a call that breaks is answered.
    stdio.say(&json!("L"), "prompts/list", json!({})).await;
    assert_eq!(stdio.hear().await["method"], "notifications/subscriptions/acknowledged");
    let end = stdio.hear().await;
    assert_eq!((&end["id"], &end["error"]["code"]), (&json!("L"), &json!(-32603)), "{end}");
}

#[tokio::test]
async fn a_status_without_a_message_is_one_error_under_the_requests_id() {
    let url = server(|method, _| {
        let status = method.rsplit('/').next().unwrap().parse().unwrap();
        said(status, if status % 2 == 0 { "text/html" } else { "application/json" }, "<html>no</html>")
    });
    let mut stdio = stdio(&url.await);
    for status in [400, 401, 403, 404, 405, 406, 413, 415, 429, 500, 501, 502, 503, 504] {
        for (id, method) in [(json!("a"), "x/"), (json!(1), "subscriptions/listen/")] {
            stdio.say(&id, &format!("{method}{status}"), json!({})).await;
            let answer = stdio.hear().await;
            assert_eq!((&answer["id"], &answer["error"]["code"]), (&id, &json!(-32603)), "{status} {answer}");
            assert!(answer["error"]["data"]["shadowcat"]["kind"].is_string(), "{answer}");
            assert!(!answer.to_string().contains("html"), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_legacy_session_that_the_server_forgot_is_an_error_and_the_end() {
    let url = server(|method, headers| match method {
        "initialize" => {
            let result =
                r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}"#;
            let mut answer = said(200, "application/json", result);
            answer.headers_mut().insert("mcp-session-id", "s".parse().unwrap());
            answer
        }
        "notifications/initialized" => said(202, "text/plain", ""),
        "tools/list" => {
            assert_eq!(headers["mcp-session-id"], "s");
            said(404, "text/plain", "who?")
        }
        _ => said(405, "text/plain", ""),
    });
    let mut stdio = stdio(&url.await);
    stdio.client.say(INITIALIZE).await;
    assert!(stdio.hear().await["result"].is_object());
    stdio.client.say(support::note("notifications/initialized")).await;
    stdio.client.say(r#"{"jsonrpc":"2.0","id":5,"method":"tools/list"}"#).await;
    let answer = stdio.hear().await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(5), &json!(-32603)), "{answer}");
    assert!(soon(stdio.served).await.unwrap().unwrap_err().is_session_lost());
    assert_eq!(
        stdio.posted.all().iter().filter(|posted| *posted == "POST").count(),
        3,
        "no session is begun for the client"
    );
}
