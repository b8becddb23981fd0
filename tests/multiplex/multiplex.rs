//! Many calls over one pipe: who gets what the server says.

use std::sync::Arc;

use futures::StreamExt;
use shadowcat::connect::{Multiplex, Options};
use shadowcat::{Context, Direction, JsonRpcMessage, Reply};
use tower::Service;

use crate::support::{
    self, Peer, call, call_text, done, msg, next, note, peer, progress, rest, settled, text,
};

fn server(options: Options) -> (Peer, Multiplex) {
    let (peer, read, write) = peer(1 << 20);
    (peer, Multiplex::new(read, write, options))
}

fn with_token(id: impl std::fmt::Display, token: impl std::fmt::Display) -> JsonRpcMessage {
    msg(format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"_meta":{{"progressToken":{token}}}}}}}"#
    ))
}

async fn listen(leaf: &mut Multiplex) -> Reply {
    let context = Context::new(Direction::ToUpstream).session_listen();
    let listen = JsonRpcMessage::request("l", "subscriptions/listen", "{}").unwrap();
    leaf.call(listen.with_context(Arc::new(context))).await.unwrap()
}

fn question(id: u32) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"roots/list"}}"#)
}

#[tokio::test(start_paused = true)]
async fn a_reply_settles_the_call_of_its_id_in_type_and_value() {
    let (mut peer, mut leaf) = server(Options::new());
    let (number, string) = (leaf.call(call(1)), leaf.call(call("\"1\"")));
    assert_eq!(peer.hear().await.unwrap(), call_text(1));
    assert_eq!(peer.hear().await.unwrap(), call_text("\"1\""));
    let answer = r#"{"jsonrpc":"2.0","id":"\u0031","result":{"for":"string"}}"#;
    peer.say(answer).await;
    peer.say(r#"{"jsonrpc":"2.0","id":1,"result":{"for":"number"}}"#).await;
    assert_eq!(text(string.await.unwrap().as_one().unwrap()), answer, "not a byte is changed");
    assert_eq!(number.await.unwrap().as_one().unwrap().result(), Some(&br#"{"for":"number"}"#[..]));
}

#[tokio::test(start_paused = true)]
async fn unknown_doubled_and_late_replies_are_dropped_and_counted() {
    let (mut peer, mut leaf) = server(Options::new());
    let first = leaf.call(call(1));
    for stranger in [done(2), done("\"1\""), done("\"x\"")] {
        peer.say(stranger).await;
    }
    settled().await;
    assert_eq!(leaf.stats().unmatched_replies, 3);
    peer.say(done(1)).await;
    peer.say(r#"{"jsonrpc":"2.0","id":1,"result":{"doubled":1}}"#).await;
    assert_eq!(rest(first.await.unwrap()).await, [done(1)]);
    drop(leaf.call(call(3)));
    peer.say(done(3)).await;
    settled().await;
    assert_eq!(leaf.stats().unmatched_replies, 5);
}

#[tokio::test(start_paused = true)]
async fn progress_goes_to_its_call_by_token() {
    let (mut peer, mut leaf) = server(Options::new());
    let mut unasked = listen(&mut leaf).await;
    let (a, b) = (leaf.call(with_token(1, "\"t\"")), leaf.call(with_token(2, 7)));
    for line in [progress(7, 1), progress("\"t\"", 1), progress("\"7\"", 1), progress(7, 2), done(1), done(2)]
    {
        peer.say(line).await;
    }
    assert_eq!(rest(a.await.unwrap()).await, [progress("\"t\"", 1), done(1)]);
    assert_eq!(rest(b.await.unwrap()).await, [progress(7, 1), progress(7, 2), done(2)]);
    assert_eq!(next(&mut unasked).await, progress("\"7\"", 1), "another type is another token");
}

#[tokio::test(start_paused = true)]
async fn logs_and_questions_belong_to_the_only_running_call() {
    let (mut peer, mut leaf) = server(Options::new());
    let mut unasked = listen(&mut leaf).await;
    let log = note("notifications/message");
    let one = leaf.call(call(1));
    for line in [log.clone(), question(5), done(1)] {
        peer.say(line).await;
    }
    assert_eq!(rest(one.await.unwrap()).await, [log.clone(), question(5), done(1)]);

    let (two, three) = (leaf.call(call(2)), leaf.call(call(3)));
    for line in [log.clone(), question(6), done(2), done(3)] {
        peer.say(line).await;
    }
    assert_eq!(two.await.unwrap().as_one().unwrap().bytes(), done(2).as_bytes());
    assert_eq!(three.await.unwrap().as_one().unwrap().bytes(), done(3).as_bytes());
    assert_eq!([next(&mut unasked).await, next(&mut unasked).await], [log, question(6)]);
}

#[tokio::test(start_paused = true)]
async fn what_concerns_no_call_goes_to_the_listen_even_while_one_runs() {
    let (mut peer, mut leaf) = server(Options::new());
    let mut unasked = listen(&mut leaf).await;
    let one = leaf.call(call(1));
    let nobodys = r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"what?"}}"#;
    for line in [note("notifications/tools/list_changed"), nobodys.to_owned(), done(1)] {
        peer.say(line).await;
    }
    assert!(one.await.unwrap().as_one().is_some());
    assert_eq!(next(&mut unasked).await, note("notifications/tools/list_changed"));
    assert_eq!(next(&mut unasked).await, nobodys, "an error that answers nobody settles nothing");
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_a_listen_is_kept_and_beyond_the_bound_refused() {
    let (mut peer, mut leaf) = server(Options::new().early_messages(3));
    for line in [note("a"), question(5), note("b"), note("c"), question(6)] {
        peer.say(line).await;
    }
    let refusal = peer.hear_message().await;
    assert_eq!(refusal.id().unwrap().as_i64(), Some(6), "the server does not wait for ever");
    assert!(refusal.error().is_some());
    let mut unasked = listen(&mut leaf).await;
    for kept in [note("a"), question(5), note("b")] {
        assert_eq!(next(&mut unasked).await, kept);
    }
    assert_eq!((leaf.stats().dropped_notifications, leaf.stats().unanswerable_requests), (1, 1));
    assert!(leaf.call(msg(done(5))).await.unwrap().is_end());
    assert_eq!(peer.hear().await.unwrap(), done(5));
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_what_was_not_asked_goes_nowhere() {
    let (mut peer, mut leaf) = server(Options::new());
    let mut unasked = listen(&mut leaf).await;
    peer.say(question(5)).await;
    next(&mut unasked).await;
    for answer in [done("\"5\""), done(6), done(5), done(5)] {
        assert!(leaf.call(msg(answer)).await.unwrap().is_end());
    }
    assert_eq!(peer.hear().await.unwrap(), done(5));
    peer.hears_nothing().await;
    assert_eq!(leaf.stats().unmatched_answers, 3);
}

#[tokio::test(start_paused = true)]
async fn call_order_is_wire_order_even_if_futures_are_polled_backwards() {
    let (mut peer, mut leaf) = server(Options::new());
    let futures: Vec<_> = (0..50).map(|id| leaf.call(call(id))).collect();
    let mut backwards = futures::stream::FuturesUnordered::new();
    futures.into_iter().rev().for_each(|future| backwards.push(future));
    let answer = async {
        for id in 0..50 {
            assert_eq!(peer.hear().await.unwrap(), call_text(id));
            peer.say(done(id)).await;
        }
    };
    let (count, ()) = futures::join!(backwards.by_ref().map(Result::unwrap).count(), answer);
    assert_eq!(count, 50);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_fails_alone_and_its_call_is_cancelled() {
    let (mut peer, mut leaf) = server(Options::new().queue(2, 1 << 20));
    let (slow, quick) = (leaf.call(with_token(1, 1)), leaf.call(with_token(2, 2)));
    for step in 0..4 {
        peer.say(progress(1, step)).await;
    }
    peer.say(progress(2, 0)).await;
    peer.say(done(2)).await;
    assert_eq!(rest(quick.await.unwrap()).await, [progress(2, 0), done(2)]);
    let mut slow = slow.await.unwrap();
    assert_eq!([next(&mut slow).await, next(&mut slow).await], [progress(1, 0), progress(1, 1)]);
    assert!(slow.next().await.unwrap().unwrap_err().is_overflow());
    assert!(slow.next().await.is_none());
    assert_eq!(leaf.stats().overflows, 1);

    peer.hear().await;
    peer.hear().await;
    assert_eq!(peer.hear().await.unwrap(), support::cancelled(1), "nobody reads what it still has to say");
    let again = leaf.call(call(1));
    peer.say(r#"{"jsonrpc":"2.0","id":1,"result":{"late":1}}"#).await;
    let sent = peer.hear_message().await;
    peer.say(done(sent.id().unwrap())).await;
    assert_eq!(rest(again.await.unwrap()).await, [done(1)], "a late reply is nobody else's");
}

#[tokio::test(start_paused = true)]
async fn too_many_calls_are_told_so_before_they_leave() {
    let (mut peer, mut leaf) = server(Options::new().max_pending(2));
    let (one, _two) = (leaf.call(call(1)), leaf.call(call(2)));
    let error = leaf.call(call(3)).await.unwrap_err();
    assert!(error.is_busy() && error.is_unsent());
    peer.say(done(1)).await;
    one.await.unwrap().as_one().unwrap();
    let _three = leaf.call(call(3));
    for id in 1..=3 {
        assert_eq!(peer.hear().await.unwrap(), call_text(id));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_read_makes_calls_fail_not_wait() {
    let (peer, read, write) = peer(64);
    let mut leaf = Multiplex::new(read, write, Options::new().max_outgoing(1000));
    let mut calls = Vec::new();
    for id in 0..100 {
        calls.push(leaf.call(call(id)));
        settled().await;
    }
    let mut failed = 0;
    for future in calls.into_iter().rev() {
        if let Some(outcome) = futures::FutureExt::now_or_never(future) {
            let error = outcome.unwrap_err();
            assert!(error.is_busy() && error.is_unsent());
            failed += 1;
        }
    }
    assert!((50..95).contains(&failed), "{failed} failed");
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_server_fails_each_pending_call_once() {
    let (mut peer, mut leaf) = server(Options::new());
    let mut unasked = listen(&mut leaf).await;
    let (single, streaming) = (leaf.call(call(1)), leaf.call(with_token(2, 2)));
    peer.say(progress(2, 1)).await;
    let mut streaming = streaming.await.unwrap();
    drop(peer);
    assert!(single.await.unwrap_err().is_closed());
    next(&mut streaming).await;
    assert!(streaming.next().await.unwrap().unwrap_err().is_closed());
    assert!(streaming.next().await.is_none());
    assert!(unasked.next().await.unwrap().unwrap_err().is_closed());
    for later in [call(3), msg(note("n")), msg(done(4))] {
        let error = leaf.call(later).await.unwrap_err();
        assert!(error.is_closed() && error.is_unsent());
    }
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_reply_fails_its_own_call() {
    let (mut peer, mut leaf) = server(Options::new());
    let calls: Vec<_> = (1..=4).map(|id| leaf.call(call(id))).collect();
    peer.say("this is a log line that went astray").await;
    peer.say(r#"{"jsonrpc":"2.0","id":1,"result":{},"result":{}}"#).await;
    peer.say(r#"{"jsonrpc":"2.0","id":2,"result":{"a":1,"a":2}}"#).await;
    peer.say(b"{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":\"\xff\"}").await;
    peer.say(done(4)).await;
    let outcomes = futures::future::join_all(calls).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.as_ref().is_err_and(|e| e.is_invalid())).count(), 3);
    assert!(outcomes[3].is_ok());
    assert_eq!(leaf.stats().unreadable_lines, 4);
}

#[tokio::test(start_paused = true)]
async fn a_message_over_several_lines_is_written_as_one() {
    let (mut peer, mut leaf) = server(Options::new());
    let _call = leaf.call(msg(call_text(1).replace(',', ",\r\n")));
    assert_eq!(peer.hear().await.unwrap(), call_text(1).replace(',', ",  "));
}

#[tokio::test(start_paused = true)]
async fn the_pipe_closes_when_nobody_is_left_and_not_before() {
    let (mut peer, mut leaf) = server(Options::new());
    let mut unasked = listen(&mut leaf).await;
    let pending = leaf.call(call(1));
    drop(leaf);
    peer.say(done(1)).await;
    pending.await.unwrap().as_one().unwrap();
    peer.say(note("a")).await;
    assert_eq!(next(&mut unasked).await, note("a"));
    drop(unasked);
    assert_eq!(peer.hear().await.unwrap(), call_text(1), "what is queued is written");
    assert_eq!(peer.hear().await, None);
}

#[test]
fn a_leaf_can_be_shared() {
    fn shared<T: Send + Sync + Clone + Unpin + 'static>() {}
    shared::<Multiplex>();
    fn moved<T: Send + Unpin + 'static>() {}
    moved::<shadowcat::connect::multiplex::ResponseFuture>();
}
