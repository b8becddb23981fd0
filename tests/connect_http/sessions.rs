//! When a session over HTTP begins, what it is called, and when it is over. The server is scripted, without a socket.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Response};
use shadowcat::connect::http::Options;
use shadowcat::connect::{Farewell, Leaf, PerSession, Pool};
use shadowcat::{Context, Direction, Error};
use tokio::time::Instant;
use tower::{Service, service_fn};

use crate::support::*;
use crate::upstream::*;

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
async fn who_waits_for_the_end_waits_for_a_session_that_was_being_opened() {
    let (mut leaf, mut server) = upstream();
    let waiting = begin(&mut leaf, msg(INITIALIZE));
    let (_body, stream) = futures::channel::mpsc::channel::<std::io::Result<bytes::Bytes>>(1);
    let head = Response::builder().header("content-type", "application/json").header("Mcp-Session-Id", "s-1");
    let body = axum::body::Body::from_stream(stream);
    server.post(INITIALIZE).await.answer(head.body(body).unwrap());
    settled().await;
    let farewell = Farewell::new();
    farewell.await_end_of(&leaf);
    let told = tokio::spawn(async move { farewell.all(Duration::from_secs(5)).await });
    leaf.stop(Error::closed("enough"));
    settled().await;
    assert!(!told.is_finished());
    assert!(soon(waiting).await.unwrap().is_err());
    deleted(&mut server).await;
    assert!(soon(told).await.unwrap());
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

#[tokio::test(start_paused = true)]
async fn closing_waits_until_the_server_knows() {
    let (mut leaf, mut server) = upstream();
    let _stream = open_session(&mut leaf, &mut server).await;
    let other = leaf.clone();
    let closing = tokio::spawn(leaf.close());
    let end = server.asked().await;
    settled().await;
    assert_eq!(end.head.method, Method::DELETE);
    assert!(!closing.is_finished());
    end.status(405); // it does not let clients do that
    soon(closing).await.unwrap().unwrap();
    assert!(soon(other.ended()).await.error().is_closed());
    drop(other);
    server.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_overtakes_what_opens_the_session() {
    let (mut leaf, mut server) = upstream();
    let calls =
        [msg(INITIALIZE), msg(INITIALIZED), call(1), call(2)].map(|message| begin(&mut leaf, message));
    let first = server.post(INITIALIZE).await;
    server.hears_nothing().await;
    first.answer(opened("2025-11-25"));
    let second = server.post(INITIALIZED).await;
    server.hears_nothing().await;
    second.status(202);
    for _ in 0..3 {
        let asked = server.asked().await;
        assert_eq!(asked.header("mcp-session-id"), Some("s-1"));
        match asked.body.as_str() {
            "" => asked.status(405),
            body => {
                let id = msg(body).owned_id().unwrap();
                asked.json(done(id));
            }
        }
    }
    for call in calls {
        drop(soon(call).await.unwrap().unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_opening_lets_the_others_pass() {
    let (mut leaf, mut server) = upstream();
    let first = begin(&mut leaf, msg(INITIALIZE));
    let second = begin(&mut leaf, call(1));
    server.post(INITIALIZE).await.status(500);
    assert!(soon(first).await.unwrap().unwrap_err().is_closed());
    server.post(&call_text(1)).await.json(done(1));
    drop(soon(second).await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_leaf_has_ended_once_the_server_was_told() {
    let (mut leaf, mut server) = upstream();
    let _stream = open_session(&mut leaf, &mut server).await;
    let (closed, ended) = (leaf.closed(), tokio::spawn(leaf.ended()));
    let farewell = Farewell::new();
    farewell.await_end_of(&leaf);
    drop(leaf);
    assert!(soon(closed).await.is_closed());
    let end = server.asked().await;
    assert_eq!(end.head.method, Method::DELETE);
    assert!(!farewell.all(Duration::from_secs(5)).await && !ended.is_finished());
    end.status(200);
    assert!(soon(ended).await.unwrap().error().is_closed());
    assert!(farewell.all(Duration::from_secs(5)).await);

    // One that never answers is not waited for without end.
    let (mut leaf, mut server) = upstream();
    let _stream = open_session(&mut leaf, &mut server).await;
    let ended = leaf.ended();
    drop(leaf);
    let _end = server.asked().await;
    assert!(soon(ended).await.error().is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_pool_hands_out_no_session_that_was_stopped_though_its_server_was_not_told_yet() {
    let (mut leaf, mut server) = upstream();
    let _stream = open_session(&mut leaf, &mut server).await;
    let mut first = Some(leaf.clone());
    let make = service_fn(move |()| ready(Ok::<_, Error>(first.take().unwrap_or_else(|| upstream().0))));
    let pool = Pool::new(make);
    pool.warm().await.unwrap();
    leaf.stop(Error::closed("by somebody else"));
    let _goodbye = server.asked().await;
    let pooled = pool.acquire().await.unwrap();
    assert!(poll_once(std::pin::pin!(Leaf::closed(&pooled))).is_pending());
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_leaf_was_stopped_is_lost_though_its_server_was_not_told_yet() {
    let (mut leaf, mut server) = upstream();
    let _stream = open_session(&mut leaf, &mut server).await;
    let make = {
        let leaf = leaf.clone();
        service_fn(move |()| ready(Ok::<_, Error>(leaf.clone())))
    };
    let mut servers = PerSession::new(make).idle_timeout(Duration::from_secs(16));
    let of_session = |id| call(id).with_context(Arc::new(Context::new(Direction::ToUpstream).session("s")));
    let waiting = tokio::spawn(servers.call(of_session(1)));
    server.post(&call_text(1)).await.json(done(1));
    drop(soon(waiting).await.unwrap().unwrap());
    leaf.stop(Error::session_lost("it was made anew"));
    let _goodbye = server.asked().await;
    tokio::time::sleep(Duration::from_secs(2)).await; // a sixteenth of the limit, and one more
    assert_eq!((servers.stats().sessions, servers.stats().lost), (0, 1));
    assert!(servers.call(of_session(2)).await.unwrap_err().is_session_lost());
}
