//! What peers see of each fault that only shows in the bytes, on each transport and in each direction.

#![cfg(all(feature = "http-server", feature = "http-client"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shadowcat::connect::{self, http::HttpClient};
use shadowcat::layer::rules::{Rules, RulesLayer};
use shadowcat::rules::{Action, Failure, Fault, Matcher, Rule, RuleSet, Text};
use shadowcat::wire::http::Endpoint;
use shadowcat::{Direction, Error, JsonRpcMessage, Kind, Reply, RpcService, serve};
use support::{Seen, msg, rest, soon};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, Service, ServiceExt, service_fn};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#;
const PING: &str = r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#;
const PONG: &str = r#"{"jsonrpc":"2.0","id":2,"result":{}}"#;
const LOG: &str =
    r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}"#;
const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;

fn faulty(matcher: Matcher, failure: Failure) -> Rules {
    let mut fault = Fault::default();
    fault.failure = Some(failure);
    Rules::new(RuleSet::new([Rule::new("fault", matcher, Action::Fault(fault))]).unwrap()).unwrap()
}

fn requests() -> Matcher {
    Matcher::new().method(Text::exact("tools/call"))
}

fn responses() -> Matcher {
    requests().kind(Kind::Response).direction(Direction::ToClient)
}

fn logs() -> Matcher {
    Matcher::new().method(Text::exact("notifications/message"))
}

/// Answers a call, with a log line before the result if there is to be one, and everything else by an empty result.
fn server(logs: bool) -> impl RpcService + Clone {
    service_fn(move |message: JsonRpcMessage| {
        let said = [LOG, RESULT].map(|text| Ok(msg(text)));
        let reply = match message.method() {
            _ if message.is_session_listen() => Reply::stream(futures::stream::pending()),
            Some("tools/call") if logs => Reply::stream(futures::stream::iter(said)),
            Some("tools/call") => Reply::one(msg(RESULT)),
            _ => message.responder().result("{}").unwrap().map_or_else(Reply::empty, Reply::one),
        };
        std::future::ready(Ok::<_, Error>(reply))
    })
}

/// Whether what was seen is what was expected, so damaged.
type IsRight = fn(seen: &[u8], expected: &[u8]) -> bool;

fn damages() -> [(Failure, IsRight); 5] {
    let truncated: IsRight = |seen, expected| *seen == expected[..20];
    let corrupted: IsRight = |seen, expected| {
        seen.len() == expected.len()
            && seen.iter().zip(expected).filter(|(one, other)| one != other).count() == 3
    };
    let whole: IsRight = |seen, expected| seen == expected;
    [
        (Failure::Disconnect, |_, _| false),
        (Failure::Truncate(20), truncated),
        (Failure::Corrupt(3), corrupted),
        (Failure::Duplicate(2), whole),
        (Failure::Flood(2), whole),
    ]
}

fn times(failure: &Failure) -> usize {
    match failure {
        Failure::Disconnect => 0,
        Failure::Duplicate(_) | Failure::Flood(_) => 3,
        _ => 1,
    }
}

/// What a client on stdio reads until it has the answer to its ping, or to the end.
async fn on_stdio(rules: &Rules, logs: bool) -> (Vec<Vec<u8>>, bool) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let (read, write) = tokio::io::split(theirs);
    let stack = RulesLayer::new(rules).layer(server(logs));
    let served = tokio::spawn(serve::stdio(stack).run_on(read, write));
    let (read, mut write) = tokio::io::split(ours);
    let mut lines = BufReader::new(read).split(b'\n');
    write.write_all(format!("{CALL}\n{PING}\n").as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    while let Some(line) = soon(lines.next_segment()).await.unwrap() {
        if line == PONG.as_bytes() {
            write.shutdown().await.unwrap();
        }
        heard.push(line);
    }
    (heard, soon(served).await.unwrap().is_ok())
}

#[tokio::test]
async fn a_client_on_stdio() {
    for (failure, is_right) in damages() {
        for (matcher, text, others) in [(responses(), RESULT, &[LOG][..]), (logs(), LOG, &[RESULT])] {
            let rules = faulty(matcher, failure.clone());
            let (mut heard, well) = on_stdio(&rules, true).await;
            if failure == Failure::Disconnect {
                assert!(!well, "the session ended with it");
                assert!(!heard.contains(&text.as_bytes().to_vec()));
                assert_eq!(rules.stats().damaged, 1);
                continue;
            }
            assert!(well);
            for other in others.iter().chain([&PONG]) {
                let at = heard.iter().position(|line| line == other.as_bytes());
                heard.remove(at.unwrap_or_else(|| panic!("{failure:?}: {other} is gone")));
            }
            assert_eq!(heard.len(), times(&failure), "{failure:?}");
            assert!(heard.iter().all(|line| is_right(line, text.as_bytes())), "{failure:?}: {heard:?}");
            assert_eq!(rules.stats().damaged, 1);
        }
    }
}

#[tokio::test]
async fn a_server_on_a_pipe() {
    for (failure, is_right) in damages() {
        for (matcher, text) in [(requests(), CALL), (logs().direction(Direction::ToUpstream), LOG)] {
            let rules = faulty(matcher, failure.clone());
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            let (read, write) = tokio::io::split(ours);
            let mut stack = RulesLayer::new(&rules).layer(connect::pipe(read, write));
            let mut call = stack.ready().await.unwrap().call(msg(text));
            let mut ping = stack.ready().await.unwrap().call(msg(PING));
            let (read, mut write) = tokio::io::split(theirs);
            let mut lines = BufReader::new(read).split(b'\n');
            if failure == Failure::Disconnect {
                assert_eq!(soon(lines.next_segment()).await.unwrap(), None, "its input ends");
                drop((lines, write));
                assert!(soon(&mut ping).await.is_err());
                assert_eq!(soon(&mut call).await.is_err(), text == CALL);
                continue;
            }
            let mut heard = Vec::new();
            loop {
                let line = soon(lines.next_segment()).await.unwrap().unwrap();
                if line == PING.as_bytes() {
                    break;
                }
                heard.push(line);
            }
            assert_eq!(heard.len(), times(&failure), "{failure:?}");
            assert!(heard.iter().all(|line| is_right(line, text.as_bytes())), "{failure:?}: {heard:?}");
            write.write_all(format!("{PONG}\n").as_bytes()).await.unwrap();
            assert_eq!(rest(soon(ping).await.unwrap()).await, [PONG], "the pipe goes on");
            assert_eq!(rules.stats().damaged, 1);
        }
    }
}

#[cfg(all(unix, feature = "stdio"))]
#[tokio::test]
async fn a_process_whose_input_breaks_is_ended_and_reaped() {
    let rules = faulty(requests(), Failure::Disconnect);
    let child = connect::Command::new("cat").spawn().unwrap();
    let outcome = soon(RulesLayer::new(&rules).layer(child.clone()).oneshot(msg(CALL))).await;
    assert!(outcome.is_err());
    soon(child.ended()).await;
    assert_eq!(rules.stats().damaged, 1);
}

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
