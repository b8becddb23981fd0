//! What a hostile or hurried peer can make a leaf over HTTP do: no more than is bounded, and nothing behind the end.

#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;
#[path = "support/upstream.rs"]
mod upstream;

use std::time::Duration;

use futures::StreamExt;
use http::{Method, Response};
use shadowcat::Error;
use shadowcat::connect::http::Options;
use support::*;
use tokio::time::Instant;
use tower::Service;
use upstream::*;

fn ask(id: u32) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"roots/list"}}"#)
}

async fn deleted(server: &mut Upstream) {
    let asked = server.asked().await;
    assert_eq!((&asked.head.method, asked.header("mcp-session-id")), (&Method::DELETE, Some("s-1")));
    asked.status(200);
    server.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_has_one_stream_however_often_it_is_said_to_be_open() {
    let (mut leaf, mut server) = upstream();
    let mut events = open_session(&mut leaf, &mut server).await.events();
    for _ in 0..3 {
        let again = begin(&mut leaf, msg(INITIALIZED));
        server.post(INITIALIZED).await.status(202);
        drop(soon(again).await.unwrap().unwrap());
    }
    server.hears_nothing().await;
    events.say(note("notifications/x")); // it is read still
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_do_not_keep_answers_and_cancellations_out() {
    let (mut leaf, mut server) = upstream_with(Options::new().max_pending(1));
    let _stream = open_session(&mut leaf, &mut server).await;
    let waiting = begin(&mut leaf, call(1));
    let mut events = server.post(&call_text(1)).await.events();
    events.say(ask(7));
    let mut reply = soon(waiting).await.unwrap().unwrap();
    assert_eq!(next(&mut reply).await, ask(7));
    assert!(soon(leaf.call(call(2))).await.unwrap_err().is_busy());
    for told in [done(7), note("notifications/roots/list_changed")] {
        let telling = begin(&mut leaf, msg(&told));
        server.post(&told).await.status(202);
        drop(soon(telling).await.unwrap().unwrap());
    }
    events.say(done(1));
    assert_eq!(next(&mut reply).await, done(1));
}

#[tokio::test(start_paused = true)]
async fn notifications_that_the_server_does_not_take_are_bounded() {
    let (mut leaf, mut server) = upstream_with(Options::new().max_pending(2));
    let told = note("notifications/x");
    let _stuck = [begin(&mut leaf, msg(&told)), begin(&mut leaf, msg(&told))];
    let _asked = [server.post(&told).await, server.post(&told).await];
    let busy = soon(leaf.call(msg(&told))).await.unwrap_err();
    assert!(busy.is_busy() && busy.is_unsent());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_nobody_will_use_is_ended() {
    // The caller has gone before the answer was whole.
    let (mut leaf, mut server) = upstream();
    let waiting = begin(&mut leaf, msg(INITIALIZE));
    let asked = server.post(INITIALIZE).await;
    let (_body, stream) = futures::channel::mpsc::channel::<std::io::Result<bytes::Bytes>>(1);
    let head = Response::builder().header("content-type", "application/json").header("Mcp-Session-Id", "s-1");
    asked.answer(head.body(axum::body::Body::from_stream(stream)).unwrap());
    settled().await;
    waiting.abort();
    deleted(&mut server).await;

    // What opened it is no acceptable answer.
    let (mut leaf, mut server) = upstream();
    let waiting = begin(&mut leaf, msg(INITIALIZE));
    let head = Response::builder().header("content-type", "application/json").header("Mcp-Session-Id", "s-1");
    server.post(INITIALIZE).await.answer(head.body("{".into()).unwrap());
    assert!(soon(waiting).await.unwrap().is_err());
    deleted(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_said_in_a_session_that_is_over() {
    let (mut leaf, mut server) = upstream();
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    let mut events = open_session(&mut leaf, &mut server).await.events();
    events.say(ask(1));
    assert_eq!(next(&mut listen).await, ask(1));
    let waiting = begin(&mut leaf, call(1));
    let mut answer = server.post(&call_text(1)).await.events();
    answer.say(ask(2));
    let reply = soon(waiting).await.unwrap().unwrap();
    leaf.stop(Error::closed("enough"));
    drop((listen, reply));
    deleted(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn every_question_of_a_listener_that_goes_is_refused() {
    let (mut leaf, mut server) = upstream();
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    let mut events = open_session(&mut leaf, &mut server).await.events();
    for id in 0..200 {
        events.say(ask(id));
        assert_eq!(next(&mut listen).await, ask(id));
    }
    drop(listen);
    let mut refused = std::collections::HashSet::new();
    while let Ok(Some(asked)) = tokio::time::timeout(Duration::from_millis(5), server.next()).await {
        refused.insert(msg(&asked.body).owned_id().unwrap());
        asked.status(202);
    }
    assert_eq!(refused.len(), 200);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_taken_up_broke_off() {
    for status in [405, 400, 401] {
        let (mut leaf, mut server) = upstream();
        let _stream = open_session(&mut leaf, &mut server).await;
        let waiting = begin(&mut leaf, call(1));
        let mut events = server.post(&call_text(1)).await.events();
        events.raw("id: p\nretry: 500\ndata:\n\n");
        drop(events);
        server.get().await.status(status);
        let error = soon(waiting).await.unwrap().unwrap_err();
        assert!(error.is_closed() && !error.is_unsent(), "{status}: {error:?}");
        server.post(&cancelled(1)).await.status(202);
        server.hears_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_no_pause_is_not_hammered() {
    let (mut leaf, mut server) = upstream();
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    let mut events = open_session(&mut leaf, &mut server).await.events();
    events.raw(format!("retry: 0\ndata: {}\n\n", note("notifications/a")));
    assert_eq!(next(&mut listen).await, note("notifications/a"));
    events.break_off();
    let begun = Instant::now();
    let mut asked = 0;
    while begun.elapsed() < Duration::from_secs(600) {
        if let Ok(Some(get)) = tokio::time::timeout(Duration::from_secs(60), server.next()).await {
            get.status(503);
            asked += 1;
        }
    }
    assert!((10..40).contains(&asked), "{asked} attempts in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn an_id_counts_that_stands_alone() {
    let (mut leaf, mut server) = upstream();
    let mut events = open_session(&mut leaf, &mut server).await.events();
    events.raw("id: p\n\n");
    settled().await;
    drop(events);
    let mut events = {
        let again = server.get().await;
        assert_eq!(again.header("last-event-id"), Some("p"));
        again.events()
    };
    // And one that is taken back does not.
    events.raw("id\n\n");
    settled().await;
    drop(events);
    assert_eq!(server.get().await.header("last-event-id"), None);
}

#[tokio::test(start_paused = true)]
async fn a_revision_is_named_only_where_it_can_be_one() {
    for version in ["9".repeat(4096), "2025-11-25 or so".into(), "2025-11-25\\t".into()] {
        let (mut leaf, mut server) = upstream();
        let waiting = begin(&mut leaf, msg(INITIALIZE));
        server.post(INITIALIZE).await.answer(opened(&version));
        drop(soon(waiting).await.unwrap().unwrap());
        let waiting = begin(&mut leaf, call(1));
        let asked = server.post(&call_text(1)).await;
        assert_eq!(
            (asked.header("mcp-session-id"), asked.header("mcp-protocol-version")),
            (Some("s-1"), None)
        );
        asked.json(done(1));
        drop(soon(waiting).await.unwrap().unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_ends_whatever_the_server_does() {
    let (leaf, mut server) = upstream_with(Options::new().timeout(Duration::from_secs(9)));
    let begun = Instant::now();
    let probing = tokio::spawn({
        let leaf = leaf.clone();
        async move { (leaf.probe().await, begun.elapsed().as_secs()) }
    });
    let mut events = server.asked().await.events();
    while !probing.is_finished() && begun.elapsed().as_secs() < 60 {
        events.raw(format!("data: {}\n\n", note("notifications/x")));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let (outcome, seconds) = soon(probing).await.unwrap();
    assert!(outcome.unwrap_err().is_timeout());
    assert_eq!(seconds, 9);
    assert_eq!(leaf.era(), None);
    events.closed().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_listener_did_not_read_ends_with_an_error() {
    let (mut leaf, mut server) = upstream_with(Options::new().queue(2, 1 << 20));
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    let mut events = open_session(&mut leaf, &mut server).await.events();
    // It is polled once, so that it is the listener's queue and not what is kept before.
    events.say(note("notifications/a"));
    assert_eq!(next(&mut listen).await, note("notifications/a"));
    for _ in 0..10 {
        events.say(note("notifications/b"));
    }
    settled().await;
    let mut read = Vec::new();
    while let Some(item) = soon(listen.next()).await {
        read.push(item);
    }
    assert!(read.pop().unwrap().unwrap_err().is_overflow());
    assert_eq!(read.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_and_taken_up_again_is_counted() {
    let (mut leaf, mut server) = upstream_with(Options::new().queue(1, 1 << 20));
    let mut events = open_session(&mut leaf, &mut server).await.events();
    events.raw(format!("id: a\ndata: {}\n\n", note("notifications/kept")));
    events.say(note("notifications/dropped"));
    events.say("no message");
    events.say(done(7));
    drop(events);
    let mut events = server.get().await.events();
    events.raw(format!("id: a\ndata: {}\n\n", note("notifications/kept")));
    events.say(ask(1)); // no room
    settled().await;
    server.asked().await.status(202);
    let waiting = begin(&mut leaf, call(1));
    let mut answer = server.post(&call_text(1)).await.events();
    answer.say(done(2));
    answer.say(ask(3));
    answer.say(ask(3));
    answer.say("no message");
    answer.say(done(1));
    drop(rest(soon(waiting).await.unwrap().unwrap()).await);
    server.asked().await.status(202);
    assert!(soon(leaf.call(msg(done(9)))).await.unwrap().is_end());
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    assert_eq!(next(&mut listen).await, note("notifications/kept"));
    for _ in 0..3 {
        events.say(note("notifications/x"));
    }
    settled().await;
    let stats = leaf.stats();
    assert_eq!((stats.unmatched_replies, stats.unmatched_answers), (2, 1));
    assert_eq!((stats.unreadable_events, stats.repeated_messages), (2, 2));
    assert_eq!((stats.dropped_notifications, stats.overflows), (3, 1));
    assert_eq!((stats.unanswerable_requests, stats.lost_refusals), (2, 0));
    assert_eq!(stats.reconnections, 1);
}

#[tokio::test(start_paused = true)]
async fn an_opening_that_is_only_kept_alive_holds_nobody_up_for_ever() {
    let (mut leaf, mut server) = upstream_with(Options::new().timeout(Duration::from_secs(9)));
    let begun = Instant::now();
    let opening = begin(&mut leaf, msg(INITIALIZE));
    let waiting = begin(&mut leaf, call(1));
    let mut events = server.post(INITIALIZE).await.events();
    let keeping = tokio::spawn(async move {
        loop {
            events.raw(": still here\n\n");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    assert!(soon(opening).await.unwrap().unwrap_err().is_timeout());
    assert_eq!(begun.elapsed().as_secs(), 9);
    server.post(&call_text(1)).await.json(done(1));
    drop(soon(waiting).await.unwrap().unwrap());
    assert!(keeping.await.is_err()); // nobody reads it any more
}

/// A client that is to be asked before each call, and whose clones are as good as new.
struct Strict {
    ready: bool,
    calls: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { ready: false, calls: self.calls.clone() }
    }
}

impl Service<http::Request<shadowcat::connect::http::Body>> for Strict {
    type Response = Response<axum::body::Body>;
    type Error = Error;
    type Future = std::future::Ready<Result<Self::Response, Error>>;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Error>> {
        // Not at once.
        if !std::mem::replace(&mut self.ready, true) {
            cx.waker().wake_by_ref();
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<shadowcat::connect::http::Body>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "it was not asked");
        self.calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let head = Response::builder().header("content-type", "application/json");
        std::future::ready(Ok(head.body(done(1).into()).unwrap()))
    }
}

#[tokio::test(start_paused = true)]
async fn the_http_client_is_asked_before_each_request() {
    let calls = std::sync::Arc::default();
    let client = Strict { ready: false, calls: std::sync::Arc::clone(&calls) };
    let mut leaf = shadowcat::connect::Http::new(client, URI.parse().unwrap());
    for _ in 0..3 {
        drop(soon(leaf.call(call(1))).await.unwrap());
    }
    let mut dropped = Box::pin(leaf.call(call(1)));
    assert!(poll_once(dropped.as_mut()).is_pending());
    drop(dropped);
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_question_before_the_session_is_open_can_be_answered() {
    let (mut leaf, mut server) = upstream();
    let opening = begin(&mut leaf, msg(INITIALIZE));
    let (mut events, body) = futures::channel::mpsc::channel::<std::io::Result<String>>(8);
    let head =
        Response::builder().header("content-type", "text/event-stream").header("Mcp-Session-Id", "s-1");
    let body = axum::body::Body::from_stream(body);
    server.post(INITIALIZE).await.answer(head.body(body).unwrap());
    let ping = r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#;
    events.try_send(Ok(format!("data: {ping}\n\n"))).unwrap();
    let mut reply = soon(opening).await.unwrap().unwrap();
    assert_eq!(next(&mut reply).await, ping);
    let (pong, waiting) = (begin(&mut leaf, msg(done(r#""p""#))), begin(&mut leaf, call(1)));
    let asked = server.post(&done(r#""p""#)).await;
    assert_eq!(asked.header("mcp-session-id"), Some("s-1"));
    asked.status(202);
    drop(soon(pong).await.unwrap().unwrap());
    server.hears_nothing().await;
    events.try_send(Ok(format!("data: {}\n\n", welcome("2025-11-25")))).unwrap();
    assert_eq!(next(&mut reply).await, welcome("2025-11-25"));
    server.post(&call_text(1)).await.json(done(1));
    drop(soon(waiting).await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_opened_again_under_its_own_name_is_not_ended() {
    let (mut leaf, mut server) = upstream();
    let _stream = open_session(&mut leaf, &mut server).await;
    let again = begin(&mut leaf, msg(INITIALIZE));
    server.post(INITIALIZE).await.answer(opened("2025-11-25"));
    drop(soon(again).await.unwrap().unwrap());
    server.hears_nothing().await;
    drop(leaf);
    deleted(&mut server).await;
}
