//! HTTP+SSE: calls that wait, hang, overtake or panic, against a scripted server without a socket.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt;
use shadowcat::connect::http::{Options, Transport};
use tokio::time::Instant;
use tower::Service;

use crate::support::*;
use crate::upstream::*;

const ENDPOINT: &str = "event: endpoint\ndata: /message?sessionId=1\n\n";

fn older() -> Options {
    Options::new().transport(Transport::Sse)
}

fn message(text: impl AsRef<str>) -> String {
    format!("event: message\ndata: {}\n\n", text.as_ref())
}

/// Opens the session.
async fn open(leaf: &mut Session, server: &mut Upstream) -> Events {
    let waiting = begin(leaf, msg(INITIALIZE));
    let mut events = server.get().await.events();
    events.raw(ENDPOINT);
    server.post(INITIALIZE).await.status(202);
    events.raw(message(welcome("2024-11-05")));
    drop(soon(waiting).await.unwrap().unwrap());
    let waiting = begin(leaf, msg(INITIALIZED));
    server.post(INITIALIZED).await.status(202);
    drop(soon(waiting).await.unwrap().unwrap());
    events
}

#[tokio::test(start_paused = true)]
async fn who_keeps_the_answer_that_opened_the_session_can_go_on() {
    let (mut leaf, mut server) = upstream_with(older());
    let waiting = begin(&mut leaf, msg(INITIALIZE));
    let mut events = server.get().await.events();
    events.raw(ENDPOINT);
    server.post(INITIALIZE).await.status(202);
    events.raw(message(welcome("2024-11-05")));
    let kept = soon(waiting).await.unwrap().unwrap();
    let waiting = begin(&mut leaf, msg(INITIALIZED));
    server.post(INITIALIZED).await.status(202);
    drop(soon(waiting).await.unwrap().unwrap());
    drop(kept);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_answered_is_a_timeout() {
    let (mut leaf, mut server) = upstream_with(older().timeout(Duration::from_secs(9)));
    let mut events = open(&mut leaf, &mut server).await;
    let begun = Instant::now();
    let waiting = begin(&mut leaf, call(1));
    server.post(&call_text(1)).await.status(202);
    let error = soon(waiting).await.unwrap().unwrap_err();
    assert!(error.is_timeout() && !error.is_unsent(), "{error:?}");
    assert_eq!(begun.elapsed().as_secs(), 9);
    server.post(&cancelled(1)).await.status(202);

    // Nor is one that goes on for a while.
    let long = r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"_meta":{"progressToken":2}}}"#;
    let waiting = begin(&mut leaf, msg(long));
    server.post(long).await.status(202);
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_secs(5)).await;
    events.raw(message(progress(2, 1)));
    let mut reply = soon(waiting).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    events.raw(message(progress(2, 2)));
    assert_eq!([next(&mut reply).await, next(&mut reply).await], [progress(2, 1), progress(2, 2)]);
    assert!(soon(reply.next()).await.unwrap().unwrap_err().is_timeout());
    assert_eq!(begun.elapsed().as_secs(), 19);
    assert!(soon(reply.next()).await.is_none());
    server.post(&cancelled(2)).await.status(202);

    // A listen may be silent, and the session goes on.
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    events.raw(message(note("notifications/x")));
    assert_eq!(next(&mut listen).await, note("notifications/x"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_post_holds_up_no_other() {
    let (mut leaf, mut server) = upstream_with(older());
    let mut events = open(&mut leaf, &mut server).await;
    let slow = begin(&mut leaf, call(1));
    let slow_asked = server.post(&call_text(1)).await;
    let quick = begin(&mut leaf, call(2));
    server.post(&call_text(2)).await.status(202);
    events.raw(message(done(2)));
    drop(soon(quick).await.unwrap().unwrap());
    // Nor an answer, nor a notification.
    let ask = r#"{"jsonrpc":"2.0","id":7,"method":"roots/list"}"#;
    events.raw(message(ask));
    let mut reply = soon(slow).await.unwrap().unwrap();
    assert_eq!(next(&mut reply).await, ask);
    for told in [done(7), note("notifications/roots/list_changed")] {
        drop(soon(leaf.call(msg(&told))).await.unwrap());
        server.post(&told).await.status(202);
    }
    // A cancellation does not overtake what it cancels.
    drop(reply);
    server.hears_nothing().await;
    slow_asked.status(202);
    server.post(&cancelled(1)).await.status(202);
}

#[tokio::test(start_paused = true)]
async fn notifications_keep_their_order() {
    let (mut leaf, mut server) = upstream_with(older());
    let _events = open(&mut leaf, &mut server).await;
    for step in 1..=3 {
        drop(soon(leaf.call(msg(progress(1, step)))).await.unwrap());
    }
    for step in 1..=3 {
        let asked = server.post(&progress(1, step)).await;
        server.hears_nothing().await;
        asked.status(202);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_overtakes_what_opens_the_session() {
    let (mut leaf, mut server) = upstream_with(older());
    let waiting = begin(&mut leaf, msg(INITIALIZE));
    let mut events = server.get().await.events();
    events.raw(ENDPOINT);
    server.post(INITIALIZE).await.status(202);
    let (opened, called) = (begin(&mut leaf, msg(INITIALIZED)), begin(&mut leaf, call(1)));
    server.hears_nothing().await;
    events.raw(message(welcome("2024-11-05")));
    let asked = server.post(INITIALIZED).await;
    server.hears_nothing().await;
    asked.status(202);
    server.post(&call_text(1)).await.status(202);
    events.raw(message(done(1)));
    for waiting in [waiting, opened, called] {
        drop(soon(waiting).await.unwrap().unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn each_refused_post_is_an_answer_to_its_own_request() {
    let (mut leaf, mut server) = upstream_with(older());
    let mut events = open(&mut leaf, &mut server).await;
    let calls: Vec<_> = (1..=20).map(|id| begin(&mut leaf, call(id))).collect();
    let mut asked = Vec::new();
    for _ in 1..=20 {
        asked.push(server.asked().await);
    }
    // In another order than they came.
    let mut refused = BTreeSet::new();
    for asked in asked.into_iter().rev() {
        let id: u32 = msg(&asked.body).id().unwrap().as_str().parse().unwrap();
        if id.is_multiple_of(2) {
            refused.insert(id);
            asked.status(422);
        } else {
            asked.status(202);
            events.raw(message(done(id)));
        }
    }
    for (id, waiting) in (1..).zip(calls) {
        let reply = soon(waiting).await.unwrap().unwrap();
        let answer = reply.as_one().unwrap();
        assert_eq!(answer.id().unwrap().as_str(), id.to_string());
        assert_eq!(answer.error().is_some(), refused.contains(&id));
    }
}

#[tokio::test(start_paused = true)]
async fn what_we_answer_for_a_refused_post_is_marked_and_what_the_server_says_is_not() {
    let (mut leaf, mut server) = upstream_with(older());
    let mut events = open(&mut leaf, &mut server).await;
    let waiting = begin(&mut leaf, call(1));
    server.post(&call_text(1)).await.status(422);
    let refused = soon(waiting).await.unwrap().unwrap();
    let refusal = refused.as_one().unwrap();
    assert!(refusal.error().is_some() && refusal.is_synthetic(), "{refusal:?}");

    // The same words of the server's own, to a call that it took.
    let waiting = begin(&mut leaf, call(2));
    server.post(&call_text(2)).await.status(202);
    events.raw(message(text(refusal).replace(r#""id":1"#, r#""id":2"#)));
    let said = soon(waiting).await.unwrap().unwrap();
    assert!(said.as_one().is_some_and(|said| said.error().is_some() && !said.is_synthetic()), "{said:?}");

    // Behind what the server has said before.
    let long = r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"_meta":{"progressToken":3}}}"#;
    let waiting = begin(&mut leaf, msg(long));
    let asked = server.post(long).await;
    events.raw(message(progress(3, 1)));
    let reply = soon(waiting).await.unwrap().unwrap();
    asked.status(500);
    let said = soon(StreamExt::collect::<Vec<_>>(reply)).await;
    let said: Vec<_> = said.into_iter().map(Result::unwrap).collect();
    let marks: Vec<_> = said.iter().map(|said| (said.method().is_some(), said.is_synthetic())).collect();
    assert_eq!(marks, [(true, false), (false, true)], "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn a_post_that_is_never_taken_is_a_timeout_of_its_own() {
    let (mut leaf, mut server) = upstream_with(older().timeout(Duration::from_secs(9)));
    let mut events = open(&mut leaf, &mut server).await;
    let begun = Instant::now();
    let hangs = begin(&mut leaf, call(1));
    let asked = server.post(&call_text(1)).await;
    let outcome = soon(hangs).await.unwrap();
    assert!(outcome.unwrap_err().is_timeout());
    assert_eq!(begun.elapsed().as_secs(), 9);
    asked.abandoned().await;
    server.post(&cancelled(1)).await.status(202);
    let waiting = begin(&mut leaf, call(2));
    server.post(&call_text(2)).await.status(202);
    events.raw(message(done(2)));
    assert_eq!(text(soon(waiting).await.unwrap().unwrap().as_one().unwrap()), done(2));
}

#[tokio::test(start_paused = true)]
async fn an_end_leaves_no_post_behind() {
    let (mut leaf, mut server) = upstream_with(older());
    let events = open(&mut leaf, &mut server).await;
    let waiting = begin(&mut leaf, call(1));
    let asked = server.post(&call_text(1)).await;
    drop(events);
    assert!(soon(waiting).await.unwrap().unwrap_err().is_session_lost());
    asked.abandoned().await;
    server.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn an_opening_that_is_given_up_can_be_made_again() {
    let (mut leaf, mut server) = upstream_with(older());
    // Before the stream is there, and before the endpoint is.
    let waiting = begin(&mut leaf, msg(INITIALIZE));
    let asked = server.get().await;
    waiting.abort();
    asked.abandoned().await;
    let waiting = begin(&mut leaf, msg(INITIALIZE));
    let events = server.get().await.events();
    settled().await;
    waiting.abort();
    events.closed().await;
    let waiting = begin(&mut leaf, msg(INITIALIZE));
    server.get().await.status(503);
    assert!(soon(waiting).await.unwrap().unwrap_err().is_busy());
    let _events = open(&mut leaf, &mut server).await;
    server.hears_nothing().await;
}
