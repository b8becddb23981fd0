//! What the server asks its client, and that it is never left waiting.

use futures::StreamExt;
use shadowcat::connect::{Multiplex, Options};
use shadowcat::{JsonRpcMessage, Reply};
use tower::Service;

use crate::support::{
    self, Peer, call, cancelled, done, msg, next, note, peer, progress, rest, session_listen, settled, soon,
};

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

async fn expect_refused(peer: &mut Peer, id: i64) {
    let refusal = peer.hear_message().await;
    assert_eq!(refusal.id().unwrap().as_i64(), Some(id), "{refusal:?}");
    assert!(refusal.error().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_question_in_a_reply_that_is_dropped_unread_is_refused() {
    let (mut peer, mut leaf) = server(Options::new());
    let (polled, never_polled) = (leaf.call(with_token(1, 1)), 2);
    for line in [progress(1, 1), question(7), done(1)] {
        peer.say(line).await;
    }
    let mut reply = polled.await.unwrap();
    next(&mut reply).await;
    drop(reply);
    peer.hear().await;
    expect_refused(&mut peer, 7).await;

    let untaken = leaf.call(call(never_polled));
    for line in [question(8), done(never_polled)] {
        peer.say(line).await;
    }
    settled().await;
    drop(untaken);
    peer.hear().await;
    expect_refused(&mut peer, 8).await;
    peer.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_question_that_was_read_can_be_answered_when_its_call_is_over() {
    let (mut peer, mut leaf) = server(Options::new());
    let pending = leaf.call(call(1));
    for line in [question(7), done(1)] {
        peer.say(line).await;
    }
    // Taken only when it is complete.
    settled().await;
    assert_eq!(rest(pending.await.unwrap()).await, [question(7), done(1)]);
    assert!(leaf.call(msg(done(7))).await.unwrap().is_end());
    peer.hear().await;
    assert_eq!(peer.hear().await.unwrap(), done(7));
}

#[tokio::test(start_paused = true)]
async fn questions_of_a_cancelled_call_are_refused_and_withdrawn_ones_are_not() {
    let (mut peer, mut leaf) = server(Options::new());
    let pending = leaf.call(call(1));
    for line in [question(7), question(8), cancelled(8)] {
        peer.say(line).await;
    }
    let mut reply = pending.await.unwrap();
    assert_eq!([next(&mut reply).await, next(&mut reply).await], [question(7), question(8)]);
    assert_eq!(next(&mut reply).await, cancelled(8), "it goes where the question went");
    drop(reply);
    peer.hear().await;
    expect_refused(&mut peer, 7).await;
    assert_eq!(peer.hear().await.unwrap(), cancelled(1));
    assert!(leaf.call(msg(done(7))).await.unwrap().is_end());
    peer.hears_nothing().await;
    assert_eq!(leaf.stats().unmatched_answers, 1);
}

#[tokio::test(start_paused = true)]
async fn questions_of_a_listen_that_is_gone_are_refused() {
    let (mut peer, mut leaf) = server(Options::new());
    let mut unasked = listen(&mut leaf).await;
    for id in [7, 8] {
        peer.say(question(id)).await;
    }
    next(&mut unasked).await;
    drop(unasked);
    let mut refused = [peer.hear_message().await, peer.hear_message().await]
        .map(|refusal| refusal.id().unwrap().as_i64().unwrap());
    refused.sort_unstable();
    assert_eq!(refused, [7, 8]);
    peer.say(question(9)).await;
    expect_refused(&mut peer, 9).await;
}

#[tokio::test(start_paused = true)]
async fn a_listen_that_was_too_slow_keeps_what_its_session_has_read() {
    let (mut peer, mut leaf) = server(Options::new().queue(2, 1 << 20));
    let mut unasked = listen(&mut leaf).await;
    peer.say(question(7)).await;
    next(&mut unasked).await;
    for method in ["a", "b", "c"] {
        peer.say(note(method)).await;
    }
    settled().await;
    assert_eq!([next(&mut unasked).await, next(&mut unasked).await], [note("a"), note("b")]);
    assert!(unasked.next().await.unwrap().unwrap_err().is_overflow());
    let mut again = listen(&mut leaf).await;
    drop(unasked);
    assert!(leaf.call(msg(done(7))).await.unwrap().is_end());
    assert_eq!(peer.hear().await.unwrap(), done(7));
    peer.say(note("d")).await;
    assert_eq!(next(&mut again).await, note("d"));
}

#[tokio::test(start_paused = true)]
async fn questions_that_nobody_answers_make_room_for_others_once_their_call_is_over() {
    let (mut peer, mut leaf) = server(Options::new().max_pending(2));
    for id in 1..=4 {
        let pending = leaf.call(call(id));
        for line in [question(10 + id), done(id)] {
            peer.say(line).await;
        }
        assert_eq!(rest(pending.await.unwrap()).await, [question(10 + id), done(id)], "it is asked");
        peer.hear().await;
        if id > 2 {
            expect_refused(&mut peer, i64::from(10 + id - 2)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_session_gets_no_listen_while_the_first_has_one() {
    let (mut peer, mut leaf) = server(Options::new());
    let mut first = listen(&mut leaf).await;
    let error = leaf.call(session_listen()).await.unwrap_err();
    assert!(error.is_busy() && error.is_unsent());
    peer.say(note("a")).await;
    assert_eq!(next(&mut first).await, note("a"), "the first one goes on");
    drop(first);
    let mut second = listen(&mut leaf).await;
    peer.say(note("b")).await;
    assert_eq!(next(&mut second).await, note("b"));
}

#[tokio::test(start_paused = true)]
async fn a_modern_server_that_asks_is_not_heard_and_not_answered() {
    let (mut peer, read, write) = peer(4096);
    let mut leaf = Multiplex::new(read, write, Options::new());
    let meta = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#;
    let call = leaf.call(JsonRpcMessage::request(1, "tools/call", meta).unwrap());
    peer.hear_message().await;
    peer.say(r#"{"jsonrpc":"2.0","id":7,"method":"elicitation/create"}"#).await;
    peer.say(r#"{"jsonrpc":"2.0","id":8,"method":"roots/list","id":8}"#).await; // nor one that is no message
    peer.say(done(1)).await;
    assert_eq!(rest(soon(call).await.unwrap()).await, [done(1)]);
    peer.hears_nothing().await;
    assert_eq!((leaf.stats().dropped_requests, leaf.stats().unanswerable_requests), (1, 0));
}
