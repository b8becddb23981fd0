//! The front end on HTTP: sessions that end while they begin, and a server that stops.

use std::time::Duration;

use http::StatusCode;
use shadowcat::Error;
use shadowcat::serve::http::{Builder, SessionInfo};
use shadowcat::serve::{self, Http};
use tower::service_fn;

use crate::front::{
    ByHand, Calls, Events, INITIALIZE, body, by_hand, endpoint, get, modern, open, post, send, sending,
    sessions,
};
use crate::support::{self, call_text, done, msg, progress, settled};

const SECOND: Duration = Duration::from_secs(1);

/// Sessions whose stacks take ten seconds to make.
fn slow(change: impl FnOnce(Builder) -> Builder) -> (Http, Calls) {
    let (stack, calls) = by_hand();
    let make = service_fn(move |_: SessionInfo| {
        let stack: ByHand = stack.clone();
        async move {
            tokio::time::sleep(10 * SECOND).await;
            Ok::<_, Error>(stack)
        }
    });
    (change(serve::http(endpoint()).sessions(make)).build(), calls)
}

/// How many sessions' stacks live, besides the factory's.
fn stacks(calls: &Calls) -> usize {
    calls.stacks.alive() - 1
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_being_opened_is_not_idle() {
    let (http, mut calls) = slow(|http| http.idle_timeout(5 * SECOND));
    open(&http, &mut calls).await; // sweeping begins
    let session = open(&http, &mut calls).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    calls.take("tools/call").await.1.finish(msg(done(1)));
    assert_eq!(response.await.unwrap().status(), StatusCode::OK);
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(stacks(&calls), 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_over_before_it_is_open_leaves_nothing() {
    let (http, calls) = slow(|http| http.max_age(5 * SECOND));
    let warm = sending(&http, post(None, INITIALIZE));
    tokio::time::sleep(3 * SECOND).await;
    let late = sending(&http, post(None, INITIALIZE));
    for response in [warm, late] {
        assert_eq!(response.await.unwrap().status(), StatusCode::BAD_GATEWAY);
    }
    assert!(http.sessions().is_empty() && calls.is_empty());
    assert_eq!(stacks(&calls), 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_being_opened_ends_with_all_others() {
    let (http, calls) = slow(|http| http);
    let opening = sending(&http, post(None, INITIALIZE));
    settled().await;
    http.close();
    let response = opening.await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(!response.headers().contains_key("mcp-session-id"));
    assert!(http.sessions().is_empty() && calls.is_empty());
    assert_eq!(stacks(&calls), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_taken_up_goes_on_while_the_server_drains() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    sender.try_send(msg(progress(1, 1))).unwrap();
    let seen = Events::of(response.await.unwrap()).next().await.unwrap().id.unwrap();
    let resume = || {
        let mut request = get(&session);
        request.headers_mut().insert("last-event-id", seen.parse().unwrap());
        request
    };
    let mut before = Events::of(send(&http, resume()).await);
    before.is_silent().await;
    http.drain();
    before.is_silent().await;
    let mut during = Events::of(send(&http, resume()).await);
    sender.finish(msg(done(1)));
    assert_eq!(during.data().await, done(1));
    assert!(during.next().await.is_none());
    assert!(http.is_idle());
}

#[tokio::test]
async fn no_endless_stream_begins_once_the_server_drains() {
    let (http, mut calls) = sessions(|http| http.stateless(by_hand().0));
    let session = open(&http, &mut calls).await;
    http.drain();
    let listen = send(&http, modern(1, "subscriptions/listen")).await;
    assert_eq!(listen.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(body(listen).await.contains(r#""id":1"#));
    assert_eq!(send(&http, get(&session)).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn silence_may_last_for_ever() {
    let (http, mut calls) = sessions(|http| {
        let http = http.keep_alive(Duration::MAX).body_timeout(Duration::MAX);
        http.idle_timeout(Duration::MAX).max_age(Duration::MAX)
    });
    let session = open(&http, &mut calls).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    sender.try_send(msg(progress(1, 1))).unwrap();
    let mut events = Events::of(response.await.unwrap());
    assert_eq!(events.data().await, progress(1, 1));
    sender.finish(msg(done(1)));
    assert_eq!(events.data().await, done(1));
}

#[tokio::test(start_paused = true)]
async fn when_the_last_clone_is_gone_only_what_is_read_goes_on() {
    let (http, mut calls) = sessions(|http| http);
    let mut senders = Vec::new();
    let mut responses = Vec::new();
    for id in 1..=3 {
        let session = open(&http, &mut calls).await;
        responses.push(sending(&http, post(Some(&session), call_text(id))));
        senders.push(calls.take("tools/call").await.1);
    }
    for sender in &senders[1..] {
        sender.try_send(msg(progress(1, 1))).unwrap();
    }
    let read = responses.pop().unwrap().await.unwrap();
    let left_later = responses.pop().unwrap().await.unwrap();
    responses.pop().unwrap().abort();
    settled().await;
    drop(http);
    support::soon(senders[0].cancelled()).await;
    drop(left_later);
    support::soon(senders[1].cancelled()).await;
    let mut read = Events::of(read);
    assert_eq!(read.data().await, progress(1, 1));
    senders.pop().unwrap().finish(msg(done(3)));
    assert_eq!(read.data().await, done(3));
    drop(read);
    settled().await;
    assert_eq!(calls.stacks.alive(), 0);
}
