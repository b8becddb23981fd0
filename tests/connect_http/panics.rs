//! HTTP clients and bodies that panic: one caller's trouble.

use std::fmt;

use futures::stream;
use http::Response;
use shadowcat::connect::http::{Options, Transport};
use tower::Service;

use crate::support::*;
use crate::upstream::*;

/// An error of the HTTP client that panics in the leaf's hands.
#[derive(Debug)]
struct Mine;

impl fmt::Display for Mine {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("as it should")
    }
}

impl std::error::Error for Mine {}

fn panicking(kind: &str) -> Response<axum::body::Body> {
    let body =
        stream::poll_fn(|_| -> std::task::Poll<Option<std::io::Result<String>>> { panic!("as it should") });
    Response::builder().header("content-type", kind).body(axum::body::Body::from_stream(body)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_call_is_that_calls() {
    let (mut leaf, mut server) = upstream();
    let mut events = open_session(&mut leaf, &mut server).await.events();
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    for kind in ["application/json", "text/event-stream", ""] {
        let (bad, good) = (begin(&mut leaf, call(1)), begin(&mut leaf, call(2)));
        let (first, second) = (server.post(&call_text(1)).await, server.post(&call_text(2)).await);
        match kind {
            "" => first.break_off(Mine),
            kind => first.answer(panicking(kind)),
        }
        assert!(soon(bad).await.unwrap_err().is_panic());
        second.json(done(2));
        drop(soon(good).await.unwrap().unwrap());
        server.post(&cancelled(1)).await.status(202);
    }
    events.say(note("notifications/x"));
    assert_eq!(next(&mut listen).await, note("notifications/x"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_sessions_stream_is_a_break() {
    let (mut leaf, mut server) = upstream();
    open_session(&mut leaf, &mut server).await.answer(panicking("text/event-stream"));
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    server.get().await.break_off(Mine);
    let mut events = server.get().await.events();
    events.say(note("notifications/x"));
    assert_eq!(next(&mut listen).await, note("notifications/x"));
    drop((leaf, listen));
    events.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_on_the_older_transport_ends_what_it_is_about() {
    let (mut leaf, mut server) = upstream_with(Options::new().transport(Transport::Sse));
    let waiting = begin(&mut leaf, msg(INITIALIZE));
    let mut events = server.get().await.events();
    events.raw("event: endpoint\ndata: /message\n\n");
    server.post(INITIALIZE).await.status(202);
    events.say(welcome("2024-11-05"));
    drop(soon(waiting).await.unwrap().unwrap());
    // A POST.
    let waiting = begin(&mut leaf, call(1));
    server.post(&call_text(1)).await.break_off(Mine);
    let reply = soon(waiting).await.unwrap().unwrap();
    assert!(reply.as_one().unwrap().error().is_some());
    drop(reply);
    let waiting = begin(&mut leaf, call(2));
    server.post(&call_text(2)).await.status(202);
    events.say(done(2));
    drop(soon(waiting).await.unwrap().unwrap());

    // The stream.
    let (mut leaf, mut server) = upstream_with(Options::new().transport(Transport::Sse));
    let waiting = begin(&mut leaf, msg(INITIALIZE));
    let first = stream::once(async { Ok::<_, std::io::Error>("event: endpoint\ndata: /message\n\n") });
    let rest =
        stream::poll_fn(|_| -> std::task::Poll<Option<std::io::Result<&str>>> { panic!("as it should") });
    let body = axum::body::Body::from_stream(futures::StreamExt::chain(first, rest));
    server.get().await.say(200, "text/event-stream", body);
    assert!(soon(waiting).await.unwrap().unwrap_err().is_closed());
    assert!(soon(leaf.ended()).await.error().is_closed());
}
