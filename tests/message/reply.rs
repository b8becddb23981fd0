//! What a call gives back: its ends, what is held for it, and the channel that fills it.

use std::pin::pin;

use futures::{FutureExt, StreamExt, stream};
use shadowcat::reply::{End, Event, TrySendError};
use shadowcat::{Code, Error, JsonRpcMessage, Reply};

use crate::support::{Dropped, Seen, call, done, msg, next, note, rest, text};

fn response() -> JsonRpcMessage {
    msg(done(1))
}

fn log() -> JsonRpcMessage {
    msg(note("notifications/message"))
}

/// A response that answers nobody.
fn nobodys() -> JsonRpcMessage {
    JsonRpcMessage::error_response(None, Code::PARSE_ERROR, "what?")
}

/// Notes every message, and each end by its name.
fn watched(reply: Reply) -> (Seen, Reply) {
    let seen = Seen::default();
    let notes = seen.clone();
    let reply = reply.inspect(move |event| match event {
        Event::Message(message) => notes.push(message.method().unwrap_or("response")),
        Event::End(End::Complete) => notes.push("complete"),
        Event::End(End::Failed(error)) => notes.push(format!("failed: {error}")),
        Event::End(End::Dropped) => notes.push("dropped"),
    });
    (seen, reply)
}

#[test]
fn a_single_message_and_nothing_are_seen_whole_and_at_once() {
    let (seen, reply) = watched(Reply::one(response()));
    assert_eq!(seen.all(), ["response", "complete"]);
    assert!(reply.as_one().is_some(), "and stay what they are");
    drop(reply);
    let (nothing, reply) = watched(Reply::empty());
    drop(reply);
    assert_eq!((seen.len(), nothing.all()), (2, vec!["complete".to_owned()]), "the end is seen once");
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_read_to_its_response_is_complete_once() {
    let (sender, reply) = Reply::channel(4);
    let (seen, mut reply) = watched(reply);
    sender.try_send(log()).unwrap();
    sender.finish(response());
    next(&mut reply).await;
    assert_eq!(seen.all(), ["notifications/message"]);
    next(&mut reply).await;
    assert_eq!(seen.all(), ["notifications/message", "response", "complete"]);
    assert!(reply.is_end() && reply.next().await.is_none());
    drop(reply);
    assert_eq!(seen.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_a_response_is_complete_at_its_end() {
    let (seen, mut reply) = watched(Reply::stream(stream::iter([Ok(log())])));
    next(&mut reply).await;
    assert!(!reply.is_end());
    assert!(reply.next().await.is_none());
    drop(reply);
    assert_eq!(seen.all(), ["notifications/message", "complete"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_the_end_and_nothing_comes_after_it() {
    let behind = stream::iter([Err(Error::closed("gone")), Ok(response())]);
    let (seen, mut reply) = watched(Reply::stream(behind));
    assert!(reply.next().await.unwrap().unwrap_err().is_closed());
    assert!(reply.is_end() && reply.next().await.is_none());
    drop(reply);
    assert_eq!(seen.all(), ["failed: gone"]);
}

#[tokio::test(start_paused = true)]
async fn a_reply_dropped_early_is_seen_as_dropped_once() {
    for read in 0..2 {
        let (sender, reply) = Reply::channel(4);
        let (seen, mut reply) = watched(reply);
        sender.try_send(log()).unwrap();
        for _ in 0..read {
            next(&mut reply).await;
        }
        drop(reply);
        assert_eq!(seen.all().last().unwrap(), "dropped");
        assert_eq!(seen.len(), read + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_without_an_id_ends_no_reply() {
    let (sender, mut reply) = Reply::channel(4);
    sender.try_send(nobodys()).unwrap();
    sender.finish(response());
    next(&mut reply).await;
    assert!(!reply.is_end());
    next(&mut reply).await;
    assert!(reply.is_end());

    let stream = Reply::stream(stream::iter([Ok(nobodys()), Ok(response()), Ok(log())]));
    assert_eq!(rest(stream).await, [text(&nobodys()), text(&response())], "the response ends it");
}

#[tokio::test(start_paused = true)]
async fn a_server_request_inside_a_reply_ends_nothing() {
    let question = msg(r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#);
    let reply = Reply::stream(stream::iter([Ok(question), Ok(response())]));
    assert_eq!(rest(reply).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_released_with_the_last_message_and_not_before() {
    let (held, (sender, reply)) = (Dropped::default(), Reply::channel(4));
    let mut reply = reply.hold(held.guard()).hold(held.guard()).map(|message| message).hold(held.guard());
    sender.try_send(log()).unwrap();
    sender.finish(response());
    assert_eq!(held.alive(), 3);
    next(&mut reply).await;
    assert_eq!(held.alive(), 3);
    next(&mut reply).await;
    assert_eq!(held.alive(), 0, "before the reply itself is dropped");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_released_by_a_drop_a_failure_and_an_end_without_response() {
    let held = Dropped::default();
    let hanging = Reply::stream(stream::pending()).hold(held.guard());
    let mut failing = Reply::stream(stream::iter([Err(Error::busy("no"))])).hold(held.guard());
    let mut ending = Reply::stream(stream::empty()).hold(held.guard());
    let mut one = Reply::one(response()).hold(held.guard());
    let over = Reply::empty().hold(held.guard());
    assert_eq!(held.alive(), 4, "nothing is held for what is over");
    drop((hanging, over));
    assert_eq!(held.alive(), 3);
    assert!(failing.next().await.unwrap().is_err());
    assert_eq!(held.alive(), 2);
    assert!(ending.next().await.is_none());
    assert_eq!(held.alive(), 1);
    next(&mut one).await;
    assert_eq!(held.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn every_message_can_be_changed_and_facts_stay() {
    let shapes = [
        Reply::one(response()),
        Reply::stream(stream::iter([Ok(response())])),
        Reply::from(response()).map(|message| message),
    ];
    for mut reply in shapes {
        reply.extensions_mut().insert(7_u8);
        let reply = reply.map(|message| message.with_id("new"));
        assert_eq!(reply.extensions().get::<u8>(), Some(&7));
        assert_eq!(rest(reply).await, [done("\"new\"")]);
    }
    assert!(rest(Reply::empty().map(|_| panic!("nothing to change"))).await.is_empty());
}

#[test]
fn only_a_request_is_refused_with_words() {
    let refused = Reply::refuse(&call(9), Code::INVALID_PARAMS, "no");
    let answer = refused.as_one().unwrap();
    assert_eq!(answer.id().unwrap().as_i64(), Some(9));
    assert!(answer.error().is_some());
    assert!(Reply::refuse(&log(), Code::INVALID_PARAMS, "no").is_end());
    assert!(Reply::refuse(&response(), Code::INVALID_PARAMS, "no").is_end());
}

#[tokio::test(start_paused = true)]
async fn collecting_stops_at_its_bound_and_cancels() {
    let size = response().bytes().len();
    assert_eq!(Reply::one(response()).collect(size).await.unwrap().len(), 1);
    let (sender, reply) = Reply::channel(4);
    sender.try_send(response()).unwrap();
    assert!(reply.collect(size - 1).await.unwrap_err().is_too_large());
    sender.cancelled().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_channel_gives_the_message_back_and_keeps_a_place_for_the_response() {
    let (sender, reply) = Reply::channel(2);
    sender.try_send(log()).unwrap();
    sender.try_send(log()).unwrap();
    match sender.try_send(response()) {
        Err(TrySendError::Full(back)) => assert_eq!(back, response()),
        other => panic!("{other:?}"),
    }
    sender.finish(response());
    assert_eq!(rest(reply).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_sender_waits_for_room() {
    let (sender, mut reply) = Reply::channel(1);
    sender.send(log()).await.unwrap();
    let mut second = pin!(sender.send(log()));
    assert!(second.as_mut().now_or_never().is_none());
    next(&mut reply).await;
    second.await.unwrap();
    drop(reply);
    assert!(matches!(sender.send(log()).await, Err(TrySendError::Cancelled(back)) if back == log()));
}

#[tokio::test(start_paused = true)]
async fn everyone_who_waits_on_one_sender_is_woken() {
    let (sender, mut reply) = Reply::channel(1);
    sender.try_send(log()).unwrap();
    let mut waiting = [0; 2].map(|_| tokio_test::task::spawn(sender.send(log())));
    let mut cancelled = tokio_test::task::spawn(sender.cancelled());
    assert!(waiting.iter_mut().all(|send| send.poll().is_pending()) && cancelled.poll().is_pending());
    for mut send in waiting {
        next(&mut reply).await;
        assert!(send.is_woken());
        assert!(send.poll().is_ready());
    }
    drop(reply);
    assert!(cancelled.is_woken() && cancelled.poll().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_leaves_cancels_at_once_also_a_waiting_sender() {
    let (sender, reply) = Reply::channel(1);
    sender.try_send(log()).unwrap();
    let mut waiting = tokio_test::task::spawn(sender.send(response()));
    assert!(waiting.poll().is_pending());
    drop(reply);
    assert!(waiting.is_woken());
    assert!(matches!(waiting.await, Err(TrySendError::Cancelled(back)) if back == response()));
    sender.cancelled().await;
    assert!(matches!(sender.try_send(log()), Err(TrySendError::Cancelled(_))));
    sender.finish(response());
}

#[tokio::test(start_paused = true)]
async fn a_reply_whose_sender_goes_away_or_gives_up_fails_behind_what_is_queued() {
    let (sender, mut reply) = Reply::channel(4);
    sender.try_send(log()).unwrap();
    drop(sender);
    next(&mut reply).await;
    assert!(reply.next().await.unwrap().unwrap_err().is_closed());
    assert!(reply.next().await.is_none() && reply.is_end());

    let (sender, mut reply) = Reply::channel(4);
    sender.fail(Error::busy("no"));
    assert!(reply.next().await.unwrap().unwrap_err().is_busy());
}

#[tokio::test(start_paused = true)]
async fn reading_to_the_end_is_no_cancellation() {
    let (sender, reply) = Reply::channel(4);
    let (seen, reply) = watched(reply);
    sender.finish(response());
    rest(reply).await;
    assert_eq!(seen.all(), ["response", "complete"]);
}

#[test]
fn a_reply_can_move_between_tasks() {
    fn can_move<T: Send + Unpin + 'static>() {}
    can_move::<Reply>();
    can_move::<shadowcat::reply::ReplySender>();
    fn can_be_shared<T: Send + Sync + Clone + Unpin + 'static>() {}
    can_be_shared::<JsonRpcMessage>();
    can_be_shared::<Error>();
    assert!(std::mem::size_of::<JsonRpcMessage>() == std::mem::size_of::<usize>());
}
