//! The front end on HTTP over real sockets: what clients of HTTP do besides.

#![cfg(feature = "http-server")]

use std::net::SocketAddr;

use shadowcat::serve::{self, http::Server};
use shadowcat::wire::http::{Endpoint, HostPolicy, OriginPolicy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::front::{Calls, by_hand};
use crate::support::{call_text, done, msg, progress, soon};

/// A server without sessions that is answered by hand.
async fn served(change: impl FnOnce(Server) -> Server) -> (Calls, SocketAddr, JoinHandle<()>) {
    let (stack, calls) = by_hand();
    let endpoint = Endpoint::new("/mcp", HostPolicy::any(), OriginPolicy::default());
    let server = change(serve::http(endpoint).stateless(stack).build().server());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move { server.run(listener, std::future::pending()).await.unwrap() });
    (calls, address, served)
}

fn head(method: &str, version: &str, length: usize, more: &str) -> String {
    format!(
        "{method} /mcp {version}\r\nhost: here\r\naccept: application/json, text/event-stream\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{more}\r\n"
    )
}

fn call(id: u32, version: &str, more: &str) -> String {
    let body = call_text(id);
    head("POST", version, body.len(), more) + &body
}

async fn connect(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
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

async fn read_all(stream: &mut TcpStream) -> String {
    let mut all = String::new();
    soon(stream.read_to_string(&mut all)).await.unwrap();
    all
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_json_and_events_to_the_end_of_its_connection() {
    let (mut calls, address, _served) = served(|server| server).await;
    let mut json = connect(address, &call(1, "HTTP/1.0", "")).await;
    calls.take("tools/call").await.1.finish(msg(done(1)));
    let answer = read_all(&mut json).await;
    assert!(answer.starts_with("HTTP/1.0 200") && answer.ends_with(&done(1)), "{answer}");

    let mut events = connect(address, &call(2, "HTTP/1.0", "")).await;
    let (_, sender) = calls.take("tools/call").await;
    sender.try_send(msg(progress(1, 1))).unwrap();
    sender.finish(msg(done(2)));
    let answer = read_all(&mut events).await;
    assert!(answer.starts_with("HTTP/1.0 200") && !answer.contains("chunked"), "{answer}");
    assert!(answer.ends_with(&format!("data: {}\n\ndata: {}\n\n", progress(1, 1), done(2))), "{answer}");
}

#[tokio::test]
async fn head_and_options_are_not_served() {
    let (calls, address, _served) = served(|server| server).await;
    for method in ["HEAD", "OPTIONS", "PUT"] {
        let mut stream = connect(address, &head(method, "HTTP/1.1", 0, "connection: close\r\n")).await;
        let answer = read_all(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 405") && answer.contains("allow: POST\r\n"), "{answer}");
        assert_eq!(answer.ends_with("\r\n\r\n"), method == "HEAD", "{answer}");
    }
    assert!(calls.is_empty());
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on_or_refused() {
    let (mut calls, address, _served) = served(|server| server).await;
    let body = call_text(1);
    let expect = "expect: 100-continue\r\n";
    let mut asks = connect(address, &head("POST", "HTTP/1.1", body.len(), expect)).await;
    read_until(&mut asks, "HTTP/1.1 100 Continue\r\n\r\n").await;
    asks.write_all(body.as_bytes()).await.unwrap();
    calls.take("tools/call").await.1.finish(msg(done(1)));
    read_until(&mut asks, &done(1)).await;

    let mut refused = connect(address, &head("POST", "HTTP/1.1", 1 << 30, expect)).await;
    let answer = read_all(&mut refused).await;
    assert!(answer.starts_with("HTTP/1.1 413") && !answer.contains("100 Continue"), "{answer}");
}

#[tokio::test]
async fn requests_in_one_go_are_answered_in_their_order() {
    let (mut calls, address, _served) = served(|server| server).await;
    let both = call(1, "HTTP/1.1", "") + &call(2, "HTTP/1.1", "connection: close\r\n");
    let mut stream = connect(address, &both).await;
    for id in 1..=2 {
        let (message, sender) = calls.take("tools/call").await;
        assert_eq!(message.id().unwrap().as_i64(), Some(id));
        sender.finish(msg(done(id)));
    }
    let answer = read_all(&mut stream).await;
    assert!(answer.find(&done(1)).unwrap() < answer.find(&done(2)).unwrap(), "{answer}");
}

#[tokio::test]
async fn connections_are_bounded_and_the_next_waits() {
    let (mut calls, address, _served) = served(|server| server.max_connections(1)).await;
    let mut first = connect(address, &call(1, "HTTP/1.1", "")).await;
    let (_, sender) = calls.take("tools/call").await;
    let mut second = connect(address, &call(2, "HTTP/1.1", "")).await;
    sender.finish(msg(done(1)));
    read_until(&mut first, &done(1)).await;
    assert!(calls.is_empty());
    drop(first);
    calls.take("tools/call").await.1.finish(msg(done(2)));
    read_until(&mut second, &done(2)).await;
}

#[tokio::test]
async fn a_server_that_is_dropped_cuts_everything_off() {
    let (mut calls, address, served) = served(|server| server).await;
    let mut stream = connect(address, &call(1, "HTTP/1.1", "")).await;
    let (_, sender) = calls.take("tools/call").await;
    sender.try_send(msg(progress(1, 1))).unwrap();
    read_until(&mut stream, "progressToken").await;
    served.abort();
    read_all(&mut stream).await;
    assert!(TcpStream::connect(address).await.is_err());
}
