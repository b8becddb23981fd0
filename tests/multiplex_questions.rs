//! What the server asks its client, and that it is never left waiting.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use futures::StreamExt;
use shadowcat::connect::{Multiplex, Options};
use shadowcat::{JsonRpcMessage, Reply};
use support::{
    Peer, call, cancelled, done, msg, next, note, peer, progress, rest, session_listen, settled, soon,
};
use tower::Service;

fn server(options: Options) -> (Peer, Multiplex) {
    let (peer, read, write) = peer(1 << 20);
    (peer, Multiplex::new(read, write, options))
}

async fn listen(leaf: &mut Multiplex) -> Reply {
    leaf.call(session_listen()).await.unwrap()
}

fn question(id: u32) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"roots/list"}}"#)
}

fn with_token(id: u32, token: u32) -> JsonRpcMessage {
    msg(format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"_meta":{{"progressToken":{token}}}}}}}"#
    ))
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_of_the_server_names_its_own_ids() {
    let (mut peer, mut leaf) = server(Options::new());
    let mut unasked = listen(&mut leaf).await;
    drop(leaf.call(call(5)));
    for line in [question(5), cancelled(5), cancelled(5)] {
        peer.say(&line).await;
        assert_eq!(next(&mut unasked).await, line, "our call 5 has nothing to do with it");
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_token_is_not_taken_for_the_id_of_a_cancelled_call() {
    let (mut peer, mut leaf) = server(Options::new());
    let (first, second) = (leaf.call(with_token(5, 1)), leaf.call(with_token(2, 5)));
    drop(first);
    for line in [progress(5, 1), progress(1, 1), done(2)] {
        peer.say(line).await;
    }
    assert_eq!(rest(second.await.unwrap()).await, [progress(5, 1), done(2)]);
    assert_eq!(leaf.stats().dropped_notifications, 1);
}

#[tokio::test(start_paused = true)]
async fn an_unacceptable_question_is_refused_by_its_id() {
    let (mut peer, _leaf) = server(Options::new());
    peer.say(r#"{"jsonrpc":"2.0","id":9,"method":"roots/list","method":"x"}"#).await;
    let refusal = peer.hear_message().await;
    assert_eq!(refusal.id().unwrap().as_i64(), Some(9));
    assert!(support::text(&refusal).contains("-32600"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_and_never_reads_costs_no_more_than_the_bound() {
    let (mut peer, read, write) = peer(256);
    let options = Options::new().early_messages(0).max_outgoing(1000);
    let leaf = Multiplex::new(read, write, options);
    for id in 0..100 {
        peer.say(question(id)).await;
    }
    settled().await;
    let stats = leaf.stats();
    assert_eq!(stats.unanswerable_requests, 100);
    assert!((70..95).contains(&stats.lost_refusals), "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_server_does_not_read_ends_the_pipe_and_is_not_lost_silently() {
    let (mut peer, read, write) = peer(256);
    let mut leaf = Multiplex::new(read, write, Options::new().max_outgoing(1000));
    let mut unasked = listen(&mut leaf).await;
    let mut outcomes = Vec::new();
    for id in 0..100 {
        peer.say(question(id)).await;
        match unasked.next().await.unwrap() {
            Ok(_) => outcomes.push(leaf.call(msg(done(id))).await),
            Err(error) => {
                assert!(error.is_closed());
                break;
            }
        }
    }
    assert!((20..90).contains(&outcomes.len()), "{}", outcomes.len());
    let error = outcomes.pop().unwrap().unwrap_err();
    assert!(error.is_closed() && error.is_unsent());
    assert!(outcomes.iter().all(Result::is_ok));
    assert!(soon(leaf.call(msg(note("n")))).await.unwrap_err().is_closed());
}
