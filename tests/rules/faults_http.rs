//! What peers see of each fault over HTTP.

#![cfg(all(feature = "http-server", feature = "http-client"))]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shadowcat::connect::{self, http::HttpClient};
use shadowcat::layer::rules::{Rules, RulesLayer};
use shadowcat::rules::Failure;
use shadowcat::serve;
use shadowcat::wire::http::Endpoint;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, ServiceExt};

use crate::faults::*;
use crate::support::{Seen, msg, rest, soon};

/// What a client on HTTP reads up to the end of the connection: the head, and the rest.
async fn on_http(rules: &Rules, logs: bool) -> (String, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stack = RulesLayer::new(rules).layer(server(logs));
    let front = serve::http(Endpoint::bound_to("/mcp", address).unwrap()).stateless(stack).build();
    let served = tokio::spawn(front.server().run(listener, std::future::pending()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nmcp-protocol-version: 2025-06-18\r\ncontent-length: {}\r\n\r\n{CALL}",
        CALL.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut all = Vec::new();
    let _ = soon(stream.read_to_end(&mut all)).await; // it may be reset
    served.abort();
    let at = all.windows(4).position(|window| window == b"\r\n\r\n").map_or(all.len(), |at| at + 4);
    (String::from_utf8_lossy(&all[..at]).into_owned(), all[at..].to_vec())
}

#[tokio::test]
async fn a_client_on_http_that_gets_a_document() {
    for (failure, is_right) in damages() {
        let rules = faulty(responses(), failure.clone());
        let (head, body) = on_http(&rules, false).await;
        match failure {
            Failure::Disconnect => {
                assert!(!body.ends_with(b"0\r\n\r\n"), "no end of a body: {head}{body:?}");
                assert!(!body.windows(RESULT.len()).any(|window| window == RESULT.as_bytes()));
            }
            Failure::Duplicate(_) | Failure::Flood(_) => {
                assert_eq!(body, RESULT.as_bytes(), "a response has one document");
                assert_eq!((rules.stats().damaged, rules.stats().unharmed), (0, 1));
                continue;
            }
            _ => {
                assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "whole HTTP: {head}");
                assert!(is_right(&body, RESULT.as_bytes()), "{failure:?}: {body:?}");
            }
        }
        assert_eq!(rules.stats().damaged, 1);
    }
}

/// The data of events in a chunked body.
fn data(body: &[u8]) -> Vec<Vec<u8>> {
    let lines = body.split(|byte| *byte == b'\n');
    lines.filter_map(|line| line.strip_prefix(b"data: ")).map(<[u8]>::to_vec).collect()
}

#[tokio::test]
async fn a_client_on_http_that_gets_events() {
    for (failure, is_right) in damages() {
        for (matcher, text, other) in [(responses(), RESULT, LOG), (logs(), LOG, RESULT)] {
            let rules = faulty(matcher, failure.clone());
            let (head, body) = on_http(&rules, true).await;
            assert!(head.contains("text/event-stream"), "{head}");
            let mut events = data(&body);
            if failure == Failure::Disconnect {
                assert!(!body.ends_with(b"0\r\n\r\n"), "no end of a body");
                let before = if text == RESULT { vec![LOG.as_bytes().to_vec()] } else { vec![] };
                assert_eq!(events, before, "what was said before came");
            } else {
                assert!(body.ends_with(b"0\r\n\r\n"));
                let at = events.iter().position(|event| event == other.as_bytes()).unwrap();
                events.remove(at);
                assert_eq!(events.len(), times(&failure), "{failure:?}");
                assert!(
                    events.iter().all(|event| is_right(event, text.as_bytes())),
                    "{failure:?}: {events:?}"
                );
            }
            assert_eq!(rules.stats().damaged, 1);
        }
    }
}

/// A server on HTTP that keeps what it is sent, and answers what it can read.
async fn http_server() -> (SocketAddr, Seen, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen, count) =
        (listener.local_addr().unwrap(), Seen::default(), Arc::new(AtomicU64::new(0)));
    let (noted, counted) = (seen.clone(), count.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_all(stream, noted.clone(), counted.clone()));
        }
    });
    (address, seen, count)
}

async fn answer_all(stream: TcpStream, seen: Seen, count: Arc<AtomicU64>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if !matches!(stream.read_line(&mut line).await, Ok(1..)) {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        seen.push(String::from_utf8_lossy(&body));
        count.fetch_add(1, Ordering::SeqCst);
        let answer = match body == CALL.as_bytes() {
            true => format!(
                "200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{RESULT}",
                RESULT.len()
            ),
            false => "400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_owned(),
        };
        stream.write_all(format!("HTTP/1.1 {answer}").as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_on_http() {
    for (failure, is_right) in damages() {
        let (address, seen, count) = http_server().await;
        let rules = faulty(requests(), failure.clone());
        let leaf = connect::Http::new(HttpClient::new(), format!("http://{address}/mcp").parse().unwrap());
        let outcome = soon(RulesLayer::new(&rules).layer(leaf).oneshot(msg(CALL))).await;
        match failure {
            Failure::Disconnect => assert!(outcome.unwrap_err().is_io(), "nothing was sent"),
            Failure::Duplicate(_) | Failure::Flood(_) => assert_eq!(rest(outcome.unwrap()).await, [RESULT]),
            _ => assert!(outcome.is_err() || outcome.unwrap().as_one().unwrap().error().is_some()),
        }
        while count.load(Ordering::SeqCst) < times(&failure) as u64 {
            tokio::task::yield_now().await; // the copies come on their own
        }
        let heard = seen.all();
        assert_eq!(heard.len(), times(&failure), "{failure:?}");
        if !matches!(failure, Failure::Corrupt(_)) {
            assert!(
                heard.iter().all(|body| is_right(body.as_bytes(), CALL.as_bytes())),
                "{failure:?}: {heard:?}"
            );
        } else {
            assert_ne!(heard[0], CALL);
        }
        assert_eq!(rules.stats().damaged, 1);
    }
}
