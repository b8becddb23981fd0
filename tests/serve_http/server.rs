//! The front end on HTTP over real sockets: the hostile corpus, a server of our own, axum.

#![cfg(feature = "http-server")]

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use shadowcat::protocol::peek;
use shadowcat::serve::{self, Http, http::SessionInfo};
use shadowcat::wire::http::{Endpoint, HostPolicy, OriginPolicy};
use shadowcat::{Code, Error, JsonRpcMessage, Reply, RpcService, ScanOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::service_fn;

use crate::front::{self, INITIALIZE, by_hand, endpoint};
use crate::support::{self, Seen, call_text, done, msg, progress, soon};

#[derive(Deserialize)]
struct Case {
    name: String,
    channel: String,
    bytes_base64: String,
    expect: String,
    status: Option<u16>,
    error_code: Option<i64>,
    level: Option<String>,
}

/// A server that is stopped by sending, and then ends.
async fn run(
    http: Http,
    drain: Duration,
) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<Result<(), Error>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(async move {
        let stopped = async move { drop(stopped.await) };
        http.server().drain(drain).run(listener, stopped).await
    });
    (address, stop, served)
}

/// Sends the bytes and ends what it says; all that comes back.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    // The answer is there when nothing more comes for a while; some connections stay open, and what is not whole is
    // not answered at once.
    let mut patience = Duration::from_secs(3);
    while let Ok(Ok(read @ 1..)) = tokio::time::timeout(patience, stream.read(&mut chunk)).await {
        answer.extend_from_slice(&chunk[..read]);
        patience = Duration::from_millis(300);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn status_of(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// Whether this front end can be asked: tokens and policies are others' to judge.
fn is_ours(case: &Case) -> bool {
    let others = ["http-jwt", "http-auth-missing", "http-auth-comma", "http-auth-empty"];
    // Takes its 10 seconds; and hyper lets Content-Length go before anybody else sees the head.
    let elsewhere = ["http-truncated-head"];
    case.channel == "http-request"
        && case.level.as_deref() != Some("should")
        && !others.iter().chain(&elsewhere).any(|name| case.name.starts_with(name))
}

/// Knows no tool that is called `evil`, as a policy would have it.
fn leaf(seen: Seen) -> impl RpcService {
    service_fn(move |message: JsonRpcMessage| {
        let evil = peek::tool_name(&message).unwrap().as_deref() == Some("evil");
        let reply = match evil {
            true => Reply::refuse(&message, Code::INVALID_PARAMS, "Unknown tool"),
            false => message.responder().result("{}").unwrap().map_or_else(Reply::empty, Reply::one),
        };
        if !evil {
            seen.push(support::text(&message));
        }
        async move { Ok::<_, Error>(reply) }
    })
}

/// What is wrong with how a case went.
async fn judge(case: Case) -> Option<String> {
    let seen = Seen::default();
    let scan = ScanOptions::new().max_bytes(262_144);
    let http = serve::http(endpoint()).stateless(leaf(seen.clone())).scan(scan).build();
    let (address, _stop, _served) = run(http, Duration::ZERO).await;
    let bytes = STANDARD.decode(&case.bytes_base64).unwrap();
    let answer = exchange(address, &bytes).await;
    let (status, forwarded) = (status_of(&answer), seen.all());
    let is_right = match case.expect.as_str() {
        "reject" => {
            // hyper closes what is no HTTP, or no whole request, without a word.
            let silent = status.is_none() && case.status == Some(400);
            // An id that was never given out may be either; 404 has the client begin anew.
            let unknown = status == Some(404) && case.name.starts_with("http-session-");
            let code = case.error_code.map(|code| format!(r#""code":{code},"#));
            forwarded.is_empty()
                && (status == case.status || silent || unknown)
                && code.is_none_or(|code| answer.contains(&code))
        }
        "forward-identical" | "stripped" => {
            forwarded.len() == 1
                && status == Some(200)
                && String::from_utf8_lossy(&bytes).contains(forwarded[0].as_str())
        }
        _ => forwarded.is_empty() && answer.contains("Unknown tool"),
    };
    let wanted = (case.expect, case.status);
    (!is_right).then(|| format!("{}: wanted {wanted:?}, got {answer:.200} {forwarded:?}", case.name))
}

#[tokio::test]
async fn the_hostile_corpus_is_answered_as_it_says() {
    let corpus = std::fs::read_to_string("tests/hostile/headers.jsonl").unwrap();
    let cases = corpus.lines().map(|line| serde_json::from_str::<Case>(line).unwrap());
    let judged: Vec<_> = cases.filter(is_ours).map(judge).collect();
    assert!(judged.len() > 80, "{}", judged.len());
    let wrong: Vec<_> = futures::future::join_all(judged).await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn raw(method: &str, path: &str, address: SocketAddr, more: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\naccept: application/json, text/event-stream\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{more}\r\n{body}"
    )
}

const MODERN: &str = "mcp-protocol-version: 2026-07-28\r\nmcp-method: x/y\r\n";

fn modern(id: u32) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"x/y","params":{{"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    )
}

/// A modern stack that is answered by hand, on a socket.
async fn by_socket(
    drain: Duration,
) -> (front::Calls, SocketAddr, oneshot::Sender<()>, JoinHandle<Result<(), Error>>) {
    let (stack, calls) = by_hand();
    let (hosts, origins) = (HostPolicy::any(), OriginPolicy::default());
    let http = serve::http(Endpoint::new("/mcp", hosts, origins)).stateless(stack).build();
    let (address, stop, served) = run(http, drain).await;
    (calls, address, stop, served)
}

#[tokio::test]
async fn a_client_that_hangs_up_cancels_its_call() {
    let (mut calls, address, _stop, _served) = by_socket(Duration::ZERO).await;
    let mut early = TcpStream::connect(address).await.unwrap();
    early.write_all(raw("POST", "/mcp", address, MODERN, &modern(1)).as_bytes()).await.unwrap();
    let (_, sender) = calls.take("x/y").await;
    drop(early);
    soon(sender.cancelled()).await;

    let mut late = TcpStream::connect(address).await.unwrap();
    late.write_all(raw("POST", "/mcp", address, MODERN, &modern(2)).as_bytes()).await.unwrap();
    let (_, sender) = calls.take("x/y").await;
    sender.try_send(msg(progress(1, 1))).unwrap();
    read_until(&mut late, "progressToken").await;
    drop(late);
    soon(sender.cancelled()).await;
}

async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let (mut all, mut chunk) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&all).contains(wanted) {
        let read = soon(stream.read(&mut chunk)).await.unwrap();
        assert!(read > 0, "closed after {}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&chunk[..read]);
    }
    String::from_utf8(all).unwrap()
}

#[tokio::test]
async fn stopping_waits_for_what_is_in_flight_and_for_nothing_new() {
    let (mut calls, address, stop, served) = by_socket(Duration::from_secs(60)).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(raw("POST", "/mcp", address, MODERN, &modern(1)).as_bytes()).await.unwrap();
    let idle = TcpStream::connect(address).await.unwrap();
    let (_, sender) = calls.take("x/y").await;
    stop.send(()).unwrap();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!served.is_finished());
    sender.finish(msg(done(1)));
    read_until(&mut client, &done(1)).await;
    soon(served).await.unwrap().unwrap();
    drop(idle);
}

#[tokio::test]
async fn what_outlasts_the_drain_is_answered_with_an_error() {
    let (mut calls, address, stop, served) = by_socket(Duration::from_millis(1)).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(raw("POST", "/mcp", address, MODERN, &modern(1)).as_bytes()).await.unwrap();
    let (_, sender) = calls.take("x/y").await;
    stop.send(()).unwrap();
    let answer = read_until(&mut client, "upstream_closed").await;
    assert_eq!(status_of(&answer), Some(502));
    soon(sender.cancelled()).await;
    soon(served).await.unwrap().unwrap();
}

#[tokio::test]
async fn it_nests_in_axum_behind_a_prefix() {
    let (stack, mut calls) = by_hand();
    let make = service_fn(move |_: SessionInfo| std::future::ready(Ok::<_, Error>(stack.clone())));
    let at = |path: &str| Endpoint::new(path, HostPolicy::any(), OriginPolicy::default());
    let http = serve::http(at("/")).http_sse(at("/sse")).sessions(make).build();
    let app = axum::Router::new().nest_service("/tools/mcp", http);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });

    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(raw("POST", "/tools/mcp", address, "", INITIALIZE).as_bytes()).await.unwrap();
    let (message, sender) = calls.take("initialize").await;
    sender.finish(message.responder().result(front::AGREED).unwrap().unwrap());
    let opened = read_until(&mut client, "serverInfo").await;
    let session = opened.lines().find_map(|line| line.strip_prefix("mcp-session-id: ")).unwrap().to_owned();
    let session = format!("mcp-session-id: {session}\r\n");
    client.write_all(raw("POST", "/tools/mcp", address, &session, &call_text(1)).as_bytes()).await.unwrap();
    calls.take("tools/call").await.1.finish(msg(done(1)));
    read_until(&mut client, &done(1)).await;

    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(raw("GET", "/tools/mcp/sse", address, "", "").as_bytes()).await.unwrap();
    let endpoint = read_until(&mut stream, "sessionId=").await;
    let query = endpoint.lines().find_map(|line| line.strip_prefix("data: ")).unwrap().to_owned();
    let _listen = calls.take("subscriptions/listen").await;
    let path = format!("/tools/mcp/sse{query}"); // as a client resolves it
    client.write_all(raw("POST", &path, address, "", &call_text(2)).as_bytes()).await.unwrap();
    calls.take("tools/call").await.1.finish(msg(done(2)));
    read_until(&mut stream, &done(2)).await;
}
