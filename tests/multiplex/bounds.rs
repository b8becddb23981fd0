//! What one pipe may hold in memory, however slow its readers are.

use futures::StreamExt;
use shadowcat::connect::{Multiplex, Options};
use shadowcat::{Error, JsonRpcMessage, Reply};
use tower::Service;

use crate::support::{self, Peer, call, done, msg, next, note, peer, rest, session_listen, settled};

fn server(options: Options) -> (Peer, Multiplex) {
    let (peer, read, write) = peer(1 << 20);
    (peer, Multiplex::new(read, write, options))
}

fn with_token(id: u32) -> JsonRpcMessage {
    msg(format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"_meta":{{"progressToken":{id}}}}}}}"#
    ))
}

/// Progress of about `bytes` bytes.
fn progress(token: u32, bytes: usize) -> String {
    let text = "x".repeat(bytes);
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":1,"message":"{text}"}}}}"#
    )
}

async fn outcome(mut reply: Reply) -> (usize, Option<Error>) {
    let mut messages = 0;
    loop {
        match reply.next().await {
            Some(Ok(_)) => messages += 1,
            Some(Err(error)) => return (messages, Some(error)),
            None => return (messages, None),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn slow_readers_together_hold_no_more_than_one_bound() {
    const CALLS: u32 = 20;
    let (mut peer, mut leaf) = server(Options::new().max_undelivered(1_000_000));
    let calls: Vec<_> = (0..CALLS).map(|id| leaf.call(with_token(id))).collect();
    for _ in 0..5 {
        for id in 0..CALLS {
            peer.say(progress(id, 50_000)).await;
        }
    }
    settled().await;
    let mut messages = 0;
    for future in calls {
        let (taken, error) = outcome(future.await.unwrap()).await;
        assert!(error.unwrap().is_overflow());
        assert!(taken >= 1, "an empty queue takes a small message");
        messages += taken;
    }
    assert!(messages * 50_000 <= 1_000_000 + CALLS as usize * 65_536, "{messages}");

    let pending = leaf.call(with_token(100));
    for _ in 0..10 {
        peer.say(progress(100, 50_000)).await;
    }
    peer.say(done(100)).await;
    assert_eq!(rest(pending.await.unwrap()).await.len(), 11, "what was read or dropped counts no more");
}

#[tokio::test(start_paused = true)]
async fn a_final_response_that_finds_no_room_is_an_overflow() {
    let (mut peer, mut leaf) = server(Options::new().max_undelivered(10_000));
    let pending = leaf.call(with_token(1));
    peer.say(progress(1, 10)).await;
    peer.say(format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"x":"{}"}}}}"#, "x".repeat(20_000))).await;
    settled().await;
    let (messages, error) = outcome(pending.await.unwrap()).await;
    assert_eq!(messages, 1);
    assert!(error.unwrap().is_overflow());
    assert_eq!(leaf.stats().overflows, 1);
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_a_listen_is_bounded_by_bytes_too() {
    let (mut peer, mut leaf) = server(Options::new());
    let large = |id: u32| {
        let text = "x".repeat(400_000);
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"roots/list","params":{{"x":"{text}"}}}}"#)
    };
    for line in [large(1), large(2), large(3), note("small")] {
        peer.say(line).await;
    }
    let refusal = peer.hear_message().await;
    assert_eq!(refusal.id().unwrap().as_i64(), Some(3));
    let mut unasked = leaf.call(session_listen()).await.unwrap();
    for kept in [large(1), large(2), note("small")] {
        assert_eq!(next(&mut unasked).await, kept);
    }
}

#[tokio::test(start_paused = true)]
async fn an_early_question_that_the_listen_cannot_hold_is_refused() {
    let (mut peer, mut leaf) = server(Options::new().queue(2, 1 << 20));
    for line in [note("a"), note("b"), support::call_text(7)] {
        peer.say(line).await;
    }
    settled().await;
    let mut unasked = leaf.call(session_listen()).await.unwrap();
    let refusal = peer.hear_message().await;
    assert_eq!(refusal.id().unwrap().as_i64(), Some(7));
    assert!(refusal.error().is_some());
    assert_eq!([next(&mut unasked).await, next(&mut unasked).await], [note("a"), note("b")]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_a_queue_does_not_keep_the_buffer_that_it_was_read_into() {
    let (mut peer, mut leaf) = server(Options::new());
    let mut unasked = leaf.call(session_listen()).await.unwrap();
    let single = leaf.call(call(1));
    peer.say_raw(format!("{}\n{}\n{}\n", note("a"), note("b"), done(1)).as_bytes()).await;
    let _whole = single.await.unwrap().as_one().unwrap().bytes().clone();
    let mut taken = Vec::new();
    for _ in 0..2 {
        taken.push(unasked.next().await.unwrap().unwrap().into_bytes());
    }
    assert!(taken.into_iter().all(|bytes| bytes.is_unique()));
}
