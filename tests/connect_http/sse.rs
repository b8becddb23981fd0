//! HTTP+SSE, the transport of 2024-11-05, and how it and the eras are found, against a scripted server without a
//! socket.

use std::time::Duration;

use futures::StreamExt;
use http::Method;
use shadowcat::connect::http::{Options, Transport};
use shadowcat::protocol::Era;
use shadowcat::{Error, Reply};
use tower::Service;

use crate::support::*;
use crate::upstream::*;

const ENDPOINT: &str = "event: endpoint\ndata: /message?sessionId=1\n\n";

async fn posted(server: &mut Upstream, body: &str) -> Asked {
    let asked = server.post(body).await;
    assert_eq!(asked.head.uri, "http://server.example:8000/message?sessionId=1");
    assert_eq!((asked.header("mcp-session-id"), asked.header("mcp-protocol-version")), (None, None));
    asked
}

fn message(text: impl AsRef<str>) -> String {
    format!("event: message\ndata: {}\n\n", text.as_ref())
}

fn one(reply: Reply) -> String {
    text(reply.as_one().unwrap())
}

/// Opens the session, after `initialize` was refused on the newer transport.
async fn open_older(leaf: &mut Session, server: &mut Upstream) -> Events {
    let waiting = begin(leaf, msg(INITIALIZE));
    let asked = server.post(INITIALIZE).await;
    assert_eq!(asked.head.uri, URI);
    asked.status(405);
    let stream = server.get().await;
    assert_eq!(
        (stream.head.uri.to_string().as_str(), stream.header("accept")),
        (URI, Some("text/event-stream"))
    );
    let mut events = stream.events();
    server.hears_nothing().await;
    events.raw(": it may come late\n\n");
    events.raw(ENDPOINT);
    posted(server, INITIALIZE).await.status(202);
    events.raw(message(welcome("2024-11-05")));
    assert_eq!(one(soon(waiting).await.unwrap().unwrap()), welcome("2024-11-05"));
    let waiting = begin(leaf, msg(INITIALIZED));
    posted(server, INITIALIZED).await.status(202);
    drop(soon(waiting).await.unwrap().unwrap());
    events
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_initialize_is_tried_with_the_older_transport() {
    let (mut leaf, mut server) = upstream();
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    let mut events = open_older(&mut leaf, &mut server).await;
    assert_eq!(leaf.era(), Some(Era::Legacy));
    events.raw(message(note("notifications/tools/list_changed")));
    assert_eq!(next(&mut listen).await, note("notifications/tools/list_changed"));
    let (first, second) = (begin(&mut leaf, call(1)), begin(&mut leaf, call(2)));
    posted(&mut server, &call_text(1)).await.status(202);
    posted(&mut server, &call_text(2)).await.status(202);
    events.raw(message(done(2)));
    events.raw("data: {\"jsonrpc\":\"2.0\",\ndata: \"id\":1,\"result\":{}}\n\n"); // on two lines
    assert_eq!(one(soon(second).await.unwrap().unwrap()), done(2));
    assert_eq!(one(soon(first).await.unwrap().unwrap()), r#"{"jsonrpc":"2.0", "id":1,"result":{}}"#);
    // Dropping is cancelling.
    let waiting = begin(&mut leaf, call(3));
    posted(&mut server, &call_text(3)).await.status(202);
    waiting.abort();
    posted(&mut server, &cancelled(3)).await.status(202);
    // The stream is the session.
    drop((leaf, listen));
    events.closed().await;
    server.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_told_is_not_found_out() {
    let (mut leaf, mut server) = upstream_with(Options::new().transport(Transport::Sse));
    let waiting = begin(&mut leaf, msg(INITIALIZE));
    let mut events = server.get().await.events();
    events.raw(ENDPOINT);
    posted(&mut server, INITIALIZE).await.status(202);
    events.raw(message(welcome("2024-11-05")));
    drop(soon(waiting).await.unwrap().unwrap());

    for options in [Options::new().era(Era::Modern), Options::new().transport(Transport::Streamable)] {
        let (mut leaf, mut server) = upstream_with(options);
        let waiting = begin(&mut leaf, msg(INITIALIZE));
        server.post(INITIALIZE).await.status(400);
        assert!(soon(waiting).await.unwrap().unwrap_err().is_invalid());
        server.hears_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_asks_for_a_right_or_patience_is_no_older_server() {
    for status in [401, 403, 429, 500, 503] {
        let (mut leaf, mut server) = upstream();
        let waiting = begin(&mut leaf, msg(INITIALIZE));
        server.post(INITIALIZE).await.status(status);
        assert_ne!(soon(waiting).await.unwrap().is_ok(), status > 403, "{status}");
        server.hears_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_speaks_neither_is_answered_for_by_its_first_answer() {
    let refusal = r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32022,"message":"no","data":{"supported":["2026-07-28"]}}}"#;
    let (mut leaf, mut server) = upstream();
    let waiting = begin(&mut leaf, msg(INITIALIZE));
    server.post(INITIALIZE).await.say(400, "application/json", refusal);
    server.get().await.status(405);
    assert_eq!(one(soon(waiting).await.unwrap().unwrap()), refusal);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_must_come_first_in_time_and_from_here() {
    let other = "event: endpoint\ndata: http://evil.example/message\n\n";
    let late = format!("{}{ENDPOINT}", message(done(0)));
    for first in [other, late.as_str(), ": nothing but comments\n\n", ""] {
        let options = Options::new().transport(Transport::Sse).timeout(Duration::from_secs(7));
        let (mut leaf, mut server) = upstream_with(options);
        let begun = tokio::time::Instant::now();
        let waiting = begin(&mut leaf, msg(INITIALIZE));
        let mut events = server.get().await.events();
        events.raw(first.to_owned());
        let error = soon(waiting).await.unwrap().unwrap_err();
        let is_silent = !first.contains("data");
        assert_eq!((error.is_timeout(), error.is_invalid()), (is_silent, !is_silent), "{first:?}: {error:?}");
        assert_eq!(begun.elapsed().as_secs(), if is_silent { 7 } else { 0 });
        events.closed().await;
        server.hears_nothing().await;
    }
    let (mut leaf, mut server) = upstream();
    let mut events = open_older(&mut leaf, &mut server).await;
    events.raw("event: endpoint\ndata: /message?sessionId=2\n\n");
    assert!(soon(leaf.ended()).await.error().is_invalid());
}

#[tokio::test(start_paused = true)]
async fn a_refused_post_is_an_answer_to_its_request() {
    let (mut leaf, mut server) = upstream();
    let mut events = open_older(&mut leaf, &mut server).await;
    let waiting = begin(&mut leaf, call(1));
    posted(&mut server, &call_text(1)).await.status(422); // rmcp does not know the method
    let told = one(soon(waiting).await.unwrap().unwrap());
    assert!(told.contains(r#""id":1"#) && told.contains(r#""kind":"upstream_refused""#), "{told}");
    // The session goes on.
    let waiting = begin(&mut leaf, call(2));
    posted(&mut server, &call_text(2)).await.status(202);
    events.raw(message(done(2)));
    assert_eq!(one(soon(waiting).await.unwrap().unwrap()), done(2));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_stream_is_the_end_of_the_session() {
    type End = fn(Events);
    type Judge = fn(&Error) -> bool;
    let cases: [(End, Judge); 3] = [
        (drop, Error::is_session_lost),
        (Events::break_off, Error::is_closed),
        (|mut events| events.raw(vec![b'x'; 300]), Error::is_too_large),
    ];
    for (end, judge) in cases {
        let scan = shadowcat::ScanOptions::new().max_bytes(256);
        let (mut leaf, mut server) = upstream_with(Options::new().scan(scan));
        let mut listen = soon(leaf.call(session_listen())).await.unwrap();
        let events = open_older(&mut leaf, &mut server).await;
        let waiting = [begin(&mut leaf, call(1)), begin(&mut leaf, call(2))];
        posted(&mut server, &call_text(1)).await.status(202);
        posted(&mut server, &call_text(2)).await.status(202);
        end(events);
        for waiting in waiting {
            assert!(judge(&soon(waiting).await.unwrap().unwrap_err()));
        }
        assert!(judge(&soon(listen.next()).await.unwrap().unwrap_err()));
        assert!(judge(soon(leaf.ended()).await.error()));
        let late = soon(leaf.call(call(3))).await.unwrap_err();
        assert!(judge(&late) && late.is_unsent());
        server.hears_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_404_is_the_end_of_the_session() {
    let (mut leaf, mut server) = upstream();
    let events = open_older(&mut leaf, &mut server).await;
    let waiting = begin(&mut leaf, call(1));
    posted(&mut server, &call_text(1)).await.status(404);
    assert!(soon(waiting).await.unwrap().unwrap_err().is_session_lost());
    events.closed().await;
}

#[tokio::test(start_paused = true)]
async fn an_era_is_found_by_asking_and_remembered() {
    let result = r#"{"jsonrpc":"2.0","id":"shadowcat/probe","result":{"supportedVersions":["2026-07-28"]}}"#;
    let modern = r#"{"jsonrpc":"2.0","id":"shadowcat/probe","error":{"code":-32022,"message":"no"}}"#;
    let legacy = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: no session"}}"#;
    let unknown =
        r#"{"jsonrpc":"2.0","id":"shadowcat/probe","error":{"code":-32601,"message":"Method not found"}}"#;
    let cases = [
        (200, result, Some(Era::Modern)),
        (400, modern, Some(Era::Modern)),
        (200, unknown, Some(Era::Legacy)),
        (404, unknown, Some(Era::Legacy)),
        (400, legacy, Some(Era::Legacy)),
        (415, "", Some(Era::Legacy)),
        (422, "", Some(Era::Legacy)),
        (401, "", None),
        (403, legacy, None),
        (429, "", None),
        (500, "", None),
        (503, legacy, None),
        (200, "<html>", None),
    ];
    for (status, body, era) in cases {
        let (leaf, mut server) = upstream();
        let other = leaf.clone();
        let probing = tokio::spawn(async move { other.probe().await });
        let asked = server.asked().await;
        assert_eq!(
            (&asked.head.method, asked.header("mcp-method")),
            (&Method::POST, Some("server/discover"))
        );
        let kind = if body.starts_with('{') { "application/json" } else { "text/plain" };
        asked.say(status, kind, body);
        assert_eq!(soon(probing).await.unwrap().ok(), era, "{status} {body}");
        assert_eq!(leaf.era(), era);
        if let Some(era) = era {
            assert_eq!(soon(leaf.probe()).await.unwrap(), era);
        }
        server.hears_nothing().await;
    }
}
