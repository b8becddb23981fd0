//! The front end on HTTP: streams that are taken up while their calls go on, and calls that nobody takes up.

use std::sync::Arc;

use http::Request;
use shadowcat::ReplySender;
use shadowcat::serve::{self, Http};
use shadowcat::wire::fault::Damage;

use crate::front::{Calls, Events, by_hand, endpoint, get, modern, open, post, send, sending, sessions};
use crate::support::{call_text, done, msg, poll_once, progress, settled, soon};

fn after(session: &str, id: &str) -> Request<String> {
    let mut request = get(session);
    request.headers_mut().insert("last-event-id", id.parse().unwrap());
    request
}

/// A call whose stream broke off after its first event, and the id of that.
async fn broken_off(http: &Http, calls: &mut Calls, session: &str) -> (ReplySender, String) {
    let response = sending(http, post(Some(session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    sender.try_send(msg(progress(1, 0))).unwrap();
    let mut events = Events::of(response.await.unwrap());
    let seen = events.next().await.unwrap().id.unwrap();
    drop(events);
    settled().await;
    (sender, seen)
}

#[tokio::test(start_paused = true)]
async fn a_response_larger_than_what_is_kept_reaches_who_took_the_stream_up() {
    let (http, mut calls) = sessions(|http| http.replay(256, 1000));
    let session = open(&http, &mut calls).await;
    let (sender, seen) = broken_off(&http, &mut calls, &session).await;
    let mut again = Events::of(send(&http, after(&session, &seen)).await);
    let large = done(1).replace("{}", &format!(r#"{{"text":"{}"}}"#, "x".repeat(2000)));
    sender.finish(msg(&large));
    settled().await;
    assert_eq!(again.data().await, large);
    assert!(again.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn who_took_a_stream_up_and_reads_slowly_misses_nothing() {
    let (http, mut calls) = sessions(|http| http.replay(4, 100_000));
    let session = open(&http, &mut calls).await;
    let (sender, seen) = broken_off(&http, &mut calls, &session).await;
    let mut again = Events::of(send(&http, after(&session, &seen)).await);
    (1..=50).for_each(|step| sender.try_send(msg(progress(1, step))).unwrap());
    sender.finish(msg(done(1)));
    settled().await;
    for step in 1..=50 {
        assert_eq!(again.data().await, progress(1, step));
    }
    assert_eq!(again.data().await, done(1));
    assert!(again.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_taken_up_twice_is_the_last_ones() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let (sender, seen) = broken_off(&http, &mut calls, &session).await;
    let mut first = Events::of(send(&http, after(&session, &seen)).await);
    first.is_silent().await;
    let mut second = Events::of(send(&http, after(&session, &seen)).await);
    sender.try_send(msg(progress(1, 1))).unwrap();
    assert_eq!(second.data().await, progress(1, 1));
    assert!(first.next().await.is_none());
    // And goes on once more when that one breaks off.
    drop(second);
    sender.finish(msg(done(1)));
    settled().await;
    let mut third = Events::of(send(&http, after(&session, &seen)).await);
    assert_eq!(third.data().await, progress(1, 1));
    assert_eq!(third.data().await, done(1));
    assert!(third.next().await.is_none());
}

#[tokio::test]
async fn leaving_a_listen_cancels_it_whatever_the_revision() {
    let (stack, mut calls) = by_hand();
    let http = serve::http(endpoint()).stateless(stack).build();
    let listen = r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen"}"#;
    let left = send(&http, post(None, listen)).await;
    let (_, sender) = calls.take("subscriptions/listen").await;
    drop(left);
    soon(sender.cancelled()).await;
    assert!(http.is_idle());
}

#[tokio::test(start_paused = true)]
async fn without_a_session_only_modern_clients_cancel_by_leaving() {
    let (stack, mut calls) = by_hand();
    let http = serve::http(endpoint()).stateless(stack).build();
    let older = sending(&http, post(None, call_text(1)));
    let (_, goes_on) = calls.take("tools/call").await;
    let newer = sending(&http, modern(1, "x/y"));
    let (_, cancelled) = calls.take("x/y").await;
    older.abort();
    newer.abort();
    soon(cancelled.cancelled()).await;
    settled().await;
    assert!(poll_once(Box::pin(goes_on.cancelled()).as_mut()).is_pending());
    goes_on.finish(msg(done(1)));
    settled().await;
    assert!(http.is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_broke_its_stream_comes_whole_to_who_takes_the_stream_up() {
    let (http, mut calls) = sessions(|http| http.replay(256, 100_000));
    let session = open(&http, &mut calls).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    let tally = Arc::default();
    sender.try_send(msg(progress(1, 0))).unwrap();
    sender.try_send(Damage::Disconnect.mark(msg(progress(1, 1)), &tally)).unwrap();
    sender.finish(Damage::Corrupt(1).mark(msg(done(1)), &tally));
    let mut events = Events::of(response.await.unwrap());
    let seen = events.next().await.unwrap().id.unwrap();
    events.breaks().await;
    drop(events);
    settled().await;
    let mut again = Events::of(send(&http, after(&session, &seen)).await);
    assert_eq!([again.data().await, again.data().await], [progress(1, 1), done(1)]);
    assert!(again.next().await.is_none());
    assert_eq!(tally.done(), 1);
}

#[test]
fn a_runtime_that_shuts_down_ends_the_calls_that_nobody_reads() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (http, calls, sender) = runtime.block_on(async {
        let (http, mut calls) = sessions(|http| http);
        let session = open(&http, &mut calls).await;
        let response = sending(&http, post(Some(&session), call_text(1)));
        let (_, sender) = calls.take("tools/call").await;
        response.abort();
        assert!(response.await.unwrap_err().is_cancelled());
        (http, calls, sender)
    });
    drop(runtime);
    assert!(poll_once(Box::pin(sender.cancelled()).as_mut()).is_ready());
    assert!(http.is_idle());
    drop(http);
    assert_eq!(calls.stacks.alive(), 0);
}
