//! Batches that a server sends, which only 2025-03-26 has: taken apart, each message like any other.

#![cfg(feature = "http")]

use shadowcat::Reply;
use shadowcat::connect::Multiplex;
use shadowcat::connect::http::{Options, Transport};
use tower::Service;

use crate::support::*;
use crate::upstream::*;

const QUESTION: &str = r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#;
const ANSWER: &str = r#"{"jsonrpc":"2.0","id":"q","result":{"roots":[]}}"#;

fn batch(messages: &[&str]) -> String {
    format!("[{}]", messages.join(", "))
}

/// A session of this revision, and its own stream.
async fn opened_as(version: &str) -> (Session, Upstream, Events) {
    let (mut leaf, mut server) = upstream();
    let waiting = begin(&mut leaf, msg(INITIALIZE));
    server.post(INITIALIZE).await.answer(opened(version));
    drop(soon(waiting).await.unwrap().unwrap());
    let waiting = begin(&mut leaf, msg(INITIALIZED));
    server.post(INITIALIZED).await.status(202);
    drop(soon(waiting).await.unwrap().unwrap());
    let events = server.get().await.events();
    (leaf, server, events)
}

async fn asked(leaf: &mut Session, server: &mut Upstream, id: u32) -> (Asked, Waiting) {
    let waiting = begin(leaf, call(id));
    (server.post(&call_text(id)).await, waiting)
}

type Waiting = tokio::task::JoinHandle<Result<Reply, shadowcat::Error>>;

#[tokio::test(start_paused = true)]
async fn a_document_that_is_a_batch_is_taken_apart() {
    let (mut leaf, mut server, _events) = opened_as("2025-03-26").await;
    let (post, waiting) = asked(&mut leaf, &mut server, 1).await;
    post.json(batch(&[&done(1)]));
    let reply = soon(waiting).await.unwrap().unwrap();
    assert_eq!(text(reply.as_one().unwrap()), done(1));

    let (post, waiting) = asked(&mut leaf, &mut server, 2).await;
    post.json(batch(&[&done(7), &done(2), QUESTION, &note("notifications/message")]));
    let mut reply = soon(waiting).await.unwrap().unwrap();
    assert_eq!(next(&mut reply).await, QUESTION, "what comes with an answer comes before it");
    let answering = begin(&mut leaf, msg(ANSWER));
    server.post(ANSWER).await.status(202);
    drop(soon(answering).await.unwrap().unwrap());
    assert_eq!(rest(reply).await, [note("notifications/message"), done(2)]);
    assert_eq!(leaf.stats().unmatched_replies, 1);

    let (post, waiting) = asked(&mut leaf, &mut server, 3).await;
    post.json(format!(" \n{}", done(3)));
    assert_eq!(rest(soon(waiting).await.unwrap().unwrap()).await.len(), 1, "one message is one, as ever");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_a_batch_is_taken_apart() {
    let (mut leaf, mut server, mut events) = opened_as("2025-03-26").await;
    let (post, waiting) = asked(&mut leaf, &mut server, 1).await;
    let mut stream = post.events();
    stream.say(batch(&[&progress(1, 1), &progress(1, 2)]));
    let mut reply = soon(waiting).await.unwrap().unwrap();
    assert_eq!(next(&mut reply).await, progress(1, 1));
    stream.raw(format!("data: [{},\ndata: {}]\n\n", done(1), note("notifications/message")));
    assert_eq!(rest(reply).await, [progress(1, 2), note("notifications/message"), done(1)]);

    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    events.say(batch(&[&note("notifications/tools/list_changed"), QUESTION, &done(1)]));
    assert_eq!(next(&mut listen).await, note("notifications/tools/list_changed"));
    assert_eq!(next(&mut listen).await, QUESTION);
    settled().await;
    assert_eq!(leaf.stats().unmatched_replies, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_batch_of_messages_fails_or_is_dropped_like_other_garbage() {
    let (mut leaf, mut server, mut events) = opened_as("2025-03-26").await;
    for garbage in ["[]", "[", "[1", "[1,", "[{}", "[[]]", "[null]", "[]]"] {
        let (post, waiting) = asked(&mut leaf, &mut server, 1).await;
        post.json(garbage);
        let error = soon(waiting).await.unwrap().unwrap_err();
        assert!(error.is_invalid(), "{garbage}: {error}");
        server.post(&cancelled(1)).await.status(202);
        events.say(garbage);
    }
    let many = batch(&vec!["{}"; 5000].iter().map(|one| &**one).collect::<Vec<_>>());
    let (post, waiting) = asked(&mut leaf, &mut server, 1).await;
    post.json(many);
    assert!(soon(waiting).await.unwrap().unwrap_err().is_invalid());
    server.post(&cancelled(1)).await.status(202);
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    events.say(note("notifications/message"));
    assert_eq!(next(&mut listen).await, note("notifications/message"));
    assert!(leaf.stats().unreadable_events >= 8);
}

#[tokio::test(start_paused = true)]
async fn other_revisions_have_no_batches() {
    for version in ["2024-11-05", "2025-06-18", "2025-11-25"] {
        let (mut leaf, mut server, mut events) = opened_as(version).await;
        let (post, waiting) = asked(&mut leaf, &mut server, 1).await;
        post.json(batch(&[&done(1)]));
        assert!(soon(waiting).await.unwrap().unwrap_err().is_invalid(), "{version}");
        events.say(batch(&[&note("notifications/message")]));
        settled().await;
        assert_eq!(leaf.stats().unreadable_events, 1, "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_on_a_pipe_is_taken_apart() {
    for (version, is_taken) in [("2025-03-26", true), ("2025-06-18", false)] {
        let (mut peer, read, write) = peer(1 << 20);
        let mut leaf = Multiplex::new(read, write, shadowcat::connect::Options::new());
        let opening = leaf.call(msg(INITIALIZE));
        peer.hear().await.unwrap();
        peer.say(welcome(version)).await;
        drop(soon(opening).await.unwrap());
        let mut listen = soon(leaf.call(session_listen())).await.unwrap();
        let (first, second) = (leaf.call(call(1)), leaf.call(call(2)));
        peer.say(batch(&[&done(2), &note("notifications/tools/list_changed"), "7", &done(1)])).await;
        settled().await;
        if is_taken {
            assert_eq!(rest(soon(first).await.unwrap()).await, [done(1)]);
            assert_eq!(rest(soon(second).await.unwrap()).await, [done(2)]);
            assert_eq!(next(&mut listen).await, note("notifications/tools/list_changed"));
        }
        assert_eq!(leaf.stats().unreadable_lines, 1, "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_on_the_older_transport_is_taken_apart() {
    let (mut leaf, mut server) = upstream_with(Options::new().transport(Transport::Sse));
    let opening = begin(&mut leaf, msg(INITIALIZE));
    let mut events = server.get().await.events();
    events.raw("event: endpoint\ndata: /message\n\n");
    server.post(INITIALIZE).await.status(202);
    events.say(welcome("2025-03-26"));
    drop(soon(opening).await.unwrap().unwrap());
    let (post, waiting) = asked(&mut leaf, &mut server, 1).await;
    post.status(202);
    events.raw(format!("data: [{},\ndata: {}]\n\n", done(3), done(1)));
    assert_eq!(rest(soon(waiting).await.unwrap().unwrap()).await, [done(1)]);
}
