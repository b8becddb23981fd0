//! Cancelled calls, and ids on the wire that are not the caller's own.

use futures::StreamExt;
use shadowcat::connect::{Multiplex, Options};
use std::sync::Arc;

use shadowcat::{Context, Direction, JsonRpcMessage, OwnedId};
use tower::Service;

use crate::support::{
    Peer, call, call_text, cancelled, done, msg, next, note, peer, progress, rest, soon, text,
};

fn server(rewrite: bool) -> (Peer, Multiplex) {
    let (peer, read, write) = peer(1 << 20);
    (peer, Multiplex::new(read, write, Options::new().rewrite_ids(rewrite)))
}

fn with_token(id: impl std::fmt::Display, token: impl std::fmt::Display) -> JsonRpcMessage {
    msg(format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"_meta":{{"progressToken":{token}}},"x":1}}}}"#
    ))
}

fn id(message: &JsonRpcMessage) -> String {
    message.id().unwrap().as_str().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_cancelled_once() {
    let (mut peer, mut leaf) = server(false);
    let never_polled = leaf.call(call("\"a\""));
    let mut polled = tokio_test::task::spawn(leaf.call(call(2)));
    assert!(polled.poll().is_pending());
    drop((never_polled, polled));
    for line in [call_text("\"a\""), call_text(2), cancelled("\"a\""), cancelled(2)] {
        assert_eq!(peer.hear().await.unwrap(), line);
    }
    peer.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_is_cancelled_too() {
    let (mut peer, mut leaf) = server(false);
    let pending = leaf.call(with_token(1, 1));
    peer.say(progress(1, 1)).await;
    let mut reply = pending.await.unwrap();
    next(&mut reply).await;
    peer.hear().await;
    drop(reply);
    assert_eq!(peer.hear().await.unwrap(), cancelled(1));
    peer.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn the_clients_own_cancellation_is_forwarded_reason_and_all() {
    let (mut peer, mut leaf) = server(false);
    let own =
        r#"{"jsonrpc":"2.0", "method":"notifications/cancelled","params":{"reason":"bored","requestId":1}}"#;
    let session = Arc::new(Context::new(Direction::ToUpstream));
    let pending = leaf.call(call(1).with_context(session.clone()));
    session.leave_cancellation(OwnedId::from(1), msg(own));
    drop(pending);
    peer.hear().await;
    assert_eq!(peer.hear().await.unwrap(), own);
    peer.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_over_is_not_cancelled_and_neither_is_initialize() {
    let (mut peer, mut leaf) = server(false);
    let untaken = leaf.call(call(1));
    let streamed = leaf.call(with_token(2, 2));
    for line in [done(1), progress(2, 1), done(2)] {
        peer.say(line).await;
    }
    let streamed = streamed.await.unwrap();
    drop((untaken, streamed));
    drop(leaf.call(JsonRpcMessage::request(3, "initialize", "{}").unwrap()));
    for _ in 1..=3 {
        peer.hear().await;
    }
    peer.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn an_id_in_use_or_just_cancelled_is_replaced_on_the_wire_only() {
    let (mut peer, mut leaf) = server(false);
    let (first, second) = (leaf.call(call(7)), leaf.call(call(7)));
    let (one, two) = (peer.hear_message().await, peer.hear_message().await);
    assert_eq!(id(&one), "7");
    assert_ne!(id(&two), "7");
    peer.say(done(id(&two))).await;
    assert_eq!(rest(second.await.unwrap()).await, [done(7)]);
    drop(first);
    assert_eq!(peer.hear().await.unwrap(), cancelled(7));

    let third = leaf.call(call(7));
    let three = peer.hear_message().await;
    assert_ne!(id(&three), "7", "the answer to the cancelled call may still come");
    peer.say(r#"{"jsonrpc":"2.0","id":7,"result":{"late":1}}"#).await;
    peer.say(done(id(&three))).await;
    assert_eq!(rest(third.await.unwrap()).await, [done(7)]);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_a_cancelled_call_can_be_used_again() {
    let (mut peer, mut leaf) = server(false);
    drop(leaf.call(with_token(1, "\"t\"")));
    let again = leaf.call(with_token(2, "\"t\""));
    let sent = [peer.hear_message().await, peer.hear_message().await, peer.hear_message().await];
    let token = shadowcat::protocol::peek::progress_token(&sent[2]).unwrap().unwrap();
    peer.say(progress("\"t\"", 1)).await; // late, of the call that was cancelled
    peer.say(progress(token.as_str(), 2)).await;
    peer.say(done(id(&sent[2]))).await;
    assert_eq!(rest(again.await.unwrap()).await, [progress("\"t\"", 2), done(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_token_in_use_is_replaced_on_the_wire_only() {
    let (mut peer, mut leaf) = server(false);
    let (first, second) = (leaf.call(with_token(1, 5)), leaf.call(with_token(2, 5)));
    let (one, two) = (peer.hear_message().await, peer.hear_message().await);
    let token = shadowcat::protocol::peek::progress_token(&two).unwrap().unwrap();
    assert_ne!(token.as_str(), "5");
    for line in [progress(token, 2), progress(5, 1), done(id(&two)), done(id(&one))] {
        peer.say(line).await;
    }
    assert_eq!(rest(first.await.unwrap()).await, [progress(5, 1), done(1)]);
    assert_eq!(rest(second.await.unwrap()).await, [progress(5, 2), done(2)]);
}

#[tokio::test(start_paused = true)]
async fn fresh_ids_are_small_and_the_caller_never_sees_them() {
    let (mut peer, mut leaf) = server(true);
    let ids = ["\"a\"", "9007199254740991", "-5", r#""\u0061b""#, "\"9007199254740993\"", "1", "\"1\""];
    let calls: Vec<_> = ids.iter().map(|id| leaf.call(call(id))).collect();
    for wanted in ids {
        let sent = peer.hear_message().await;
        assert!((1..100).contains(&sent.id().unwrap().as_i64().unwrap()));
        assert_eq!(text(&sent.clone().edit().id("x").finish().unwrap()), call_text("\"x\""), "{wanted}");
        peer.say(done(id(&sent))).await;
    }
    for (future, id) in calls.into_iter().zip(ids) {
        assert_eq!(rest(future.await.unwrap()).await, [done(id)], "as the caller wrote it");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_ids_and_tokens_of_several_callers_do_not_meet() {
    let (mut peer, mut leaf) = server(true);
    let tokens = ["1", "\"1\"", "1", "1.5"];
    let calls: Vec<_> = tokens.iter().map(|token| leaf.call(with_token(1, token))).collect();
    let mut wires = Vec::new();
    for _ in tokens {
        let sent = peer.hear_message().await;
        let token = shadowcat::protocol::peek::progress_token(&sent).unwrap().unwrap();
        wires.push((id(&sent), token.as_str().to_owned()));
    }
    for (at, (id, token)) in wires.iter().enumerate().rev() {
        peer.say(progress(token, at as u32)).await;
        peer.say(done(id)).await;
    }
    for (at, future) in calls.into_iter().enumerate() {
        assert_eq!(rest(future.await.unwrap()).await, [progress(tokens[at], at as u32), done(1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn cancellations_name_the_id_that_is_on_the_wire() {
    let (mut peer, mut leaf) = server(true);
    let session = Arc::new(Context::new(Direction::ToUpstream));
    let own =
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{ "requestId" : "a", "reason":"r"}}"#;
    let first = leaf.call(call("\"a\"").with_context(session.clone()));
    let wire = id(&peer.hear_message().await);
    session.leave_cancellation(OwnedId::from("a"), msg(own));
    drop(first);
    assert_eq!(peer.hear().await.unwrap(), own.replace("\"a\"", &wire));

    drop(leaf.call(call("\"b\"")));
    let wire = id(&peer.hear_message().await);
    assert_eq!(peer.hear().await.unwrap(), cancelled(wire));

    let _running = leaf.call(call("\"c\""));
    let wire = id(&peer.hear_message().await);
    assert!(leaf.call(msg(cancelled("\"c\""))).await.unwrap().is_end());
    assert_eq!(peer.hear().await.unwrap(), cancelled(wire), "one that came as a plain message");
    let dropped = leaf.stats().dropped_notifications;
    assert!(leaf.call(msg(cancelled("\"unknown\""))).await.unwrap().is_end());
    assert_eq!(leaf.stats().dropped_notifications, dropped + 1, "it could name somebody else's call");
}

#[tokio::test(start_paused = true)]
async fn a_modern_listen_gets_its_own_id_back_everywhere() {
    let (mut peer, mut leaf) = server(true);
    let listen = leaf.call(JsonRpcMessage::request("L", "subscriptions/listen", "{}").unwrap());
    let wire = id(&peer.hear_message().await);
    let item = |method: &str, id: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}},"x":[1]}}}}"#
        )
    };
    let end = |id: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#
        )
    };
    let methods = ["notifications/subscriptions/acknowledged", "notifications/tools/list_changed"];
    for method in methods {
        peer.say(item(method, &wire)).await;
    }
    // It runs all the time, so a call beside it is the only running one.
    let beside = leaf.call(call(1));
    let beside_wire = id(&peer.hear_message().await);
    peer.say(note("notifications/message")).await;
    peer.say(done(beside_wire)).await;
    assert_eq!(rest(beside.await.unwrap()).await, [note("notifications/message"), done(1)]);

    let mut listen = listen.await.unwrap();
    for method in methods {
        assert_eq!(next(&mut listen).await, item(method, "\"L\""));
    }
    peer.say(end(&wire)).await;
    assert_eq!(next(&mut listen).await, end("\"L\""));
    assert!(listen.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_server_may_end_a_listen_by_cancelling_it() {
    for rewrite in [true, false] {
        let (mut peer, mut leaf) = server(rewrite);
        let listen = leaf.call(JsonRpcMessage::request("L", "subscriptions/listen", "{}").unwrap());
        let wire = id(&peer.hear_message().await);
        peer.say(note("notifications/x")).await; // of nobody
        peer.say(cancelled(&wire)).await;
        peer.say(done(&wire)).await;
        assert_eq!(
            rest(soon(listen).await.unwrap()).await,
            [cancelled("\"L\"")],
            "and nothing comes after it"
        );
        assert_eq!(leaf.stats().unmatched_replies, 1);
        peer.hears_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn answers_to_the_server_keep_the_servers_ids() {
    let (mut peer, mut leaf) = server(true);
    let running = leaf.call(call("\"mine\""));
    let wire = id(&peer.hear_message().await);
    let question = format!(r#"{{"jsonrpc":"2.0","id":{wire},"method":"roots/list"}}"#);
    peer.say(&question).await;
    let mut running = running.await.unwrap();
    assert_eq!(next(&mut running).await, question, "the two sides number their requests apart");
    assert!(leaf.call(msg(done(&wire))).await.unwrap().is_end());
    assert_eq!(peer.hear().await.unwrap(), done(&wire));
}

#[tokio::test(start_paused = true)]
async fn a_late_cancellation_of_one_session_names_no_call_of_another() {
    let (mut peer, mut leaf) = server(false);
    let session = || Arc::new(Context::new(Direction::ToUpstream));
    let (mine, yours) = (session(), session());
    let _mine = leaf.call(call(1).with_context(mine.clone()));
    peer.hear_message().await;

    assert!(leaf.call(msg(cancelled(1)).with_context(yours)).await.unwrap().is_end());
    assert_eq!(leaf.stats().dropped_notifications, 1);
    assert!(leaf.call(msg(cancelled(1)).with_context(mine)).await.unwrap().is_end());
    assert_eq!(peer.hear().await.unwrap(), cancelled(1), "the first thing after the call");
}

#[tokio::test(start_paused = true)]
async fn random_ids_are_within_31_bits_and_no_two_calls_in_a_row_get_neighbours() {
    let (mut peer, read, write) = peer(1 << 16);
    let mut server = Multiplex::new(read, write, Options::new().random_ids());
    let mut ids = Vec::new();
    for _ in 0..100 {
        let answer = server.call(call(7));
        let id = peer.hear_message().await.id().unwrap().as_i64().unwrap();
        peer.say(done(id)).await;
        assert_eq!(text(soon(answer).await.unwrap().as_one().unwrap()), done(7));
        assert!((1..=i64::from(i32::MAX)).contains(&id), "{id}");
        ids.push(id);
    }
    let near = ids.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) < 1000).count();
    assert!(near < 3, "{ids:?}");
}
