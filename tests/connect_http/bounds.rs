//! What a hostile or hurried peer can make a leaf over HTTP do: no more than is bounded, and nothing behind the end.

use std::time::Duration;

use futures::StreamExt;
use http::Response;
use shadowcat::Error;
use shadowcat::connect::http::Options;
use tokio::time::Instant;
use tower::Service;

use crate::support::*;
use crate::upstream::*;

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
