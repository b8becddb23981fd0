//! Streams of 2025-11-25 that their clients take up again, and who decides that they do.

use std::time::Duration;

use http::{Request, StatusCode};
use shadowcat::serve::Http;
use shadowcat::session::ResponseStream;

use crate::front::{AGREED, Calls, Events, INITIALIZE, body, get, open_as, post, send, sending, sessions};
use crate::support::{call_text, done, msg, note, soon};

const NEWER: &str = "2025-11-25";

/// A session of this revision.
async fn open(http: &Http, calls: &mut Calls, version: &str) -> String {
    let initialize = INITIALIZE.replace("2025-06-18", version);
    open_as(http, calls, post(None, initialize), &AGREED.replace("2025-06-18", version)).await
}

fn after(id: &str, session: &str) -> Request<String> {
    let mut request = get(session);
    request.headers_mut().insert("last-event-id", id.parse().unwrap());
    request
}

/// The event that only says where the stream begins.
async fn primed(events: &mut Events) -> String {
    let event = events.next().await.unwrap();
    assert!(event.data.is_empty() && event.retry.is_some(), "{event:?}");
    event.id.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_its_time_is_on_a_stream_that_can_be_taken_up() {
    let (http, mut calls) = sessions(|http| http.prime_after(Duration::from_millis(100)));
    let session = open(&http, &mut calls, NEWER).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    let mut events = Events::of(soon(response).await.unwrap());
    let id = primed(&mut events).await;
    drop(events); // the connection broke
    let mut events = Events::of(send(&http, after(&id, &session)).await);
    events.is_silent().await;
    sender.finish(msg(done(1)));
    assert_eq!(events.data().await, done(1));
    assert!(events.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn whoever_answers_may_have_the_client_wait_for_the_head() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls, NEWER).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (message, sender) = calls.take("tools/call").await;
    message.extensions().get::<ResponseStream>().unwrap().wait();
    tokio::time::sleep(Duration::from_secs(14)).await;
    assert!(!response.is_finished());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut events = Events::of(response.await.unwrap()); // else nothing keeps the connection alive
    primed(&mut events).await;
    sender.finish(msg(done(1)));
    assert_eq!(events.data().await, done(1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_there_at_once_is_a_document_unless_a_stream_is_asked_for() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls, NEWER).await;
    for opens in [false, true] {
        let response = sending(&http, post(Some(&session), call_text(1)));
        let (message, sender) = calls.take("tools/call").await;
        if opens {
            message.extensions().get::<ResponseStream>().unwrap().open();
        }
        sender.finish(msg(done(1)));
        let response = response.await.unwrap();
        if opens {
            let mut events = Events::of(response);
            primed(&mut events).await;
            assert_eq!(events.data().await, done(1));
            assert!(events.next().await.is_none());
        } else {
            assert_eq!(body(response).await, done(1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_closed_goes_on_where_its_client_comes_back() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls, NEWER).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (message, sender) = calls.take("tools/call").await;
    sender.try_send(msg(note("notifications/message"))).unwrap();
    let mut events = Events::of(response.await.unwrap());
    primed(&mut events).await;
    let last = events.next().await.unwrap();
    message.extensions().get::<ResponseStream>().unwrap().close();
    assert!(events.next().await.is_none());
    drop(events);
    sender.finish(msg(done(1)));
    let mut events = Events::of(send(&http, after(&last.id.unwrap(), &session)).await);
    assert_eq!(events.data().await, done(1));
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_be_closed_before_anything_has_come() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls, NEWER).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (message, sender) = calls.take("tools/call").await;
    message.extensions().get::<ResponseStream>().unwrap().close();
    let mut events = Events::of(soon(response).await.unwrap());
    let id = primed(&mut events).await;
    assert!(events.next().await.is_none());
    sender.finish(msg(done(1)));
    let mut events = Events::of(send(&http, after(&id, &session)).await);
    assert_eq!(events.data().await, done(1));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_cannot_come_back_is_not_sent_away() {
    for (version, replay, accept) in [
        ("2025-06-18", 256, "application/json, text/event-stream"),
        (NEWER, 0, "application/json, text/event-stream"),
        (NEWER, 256, "application/json"),
    ] {
        let (http, mut calls) = sessions(|http| http.replay(replay, 1 << 16));
        let session = open(&http, &mut calls, version).await;
        let mut request = post(Some(&session), call_text(1));
        request.headers_mut().insert("accept", accept.parse().unwrap());
        let response = sending(&http, request);
        let (message, sender) = calls.take("tools/call").await;
        assert!(message.extensions().get::<ResponseStream>().is_none());
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!response.is_finished());
        sender.finish(msg(done(1)));
        let response = response.await.unwrap();
        assert_eq!((response.status(), body(response).await), (StatusCode::OK, done(1)));
    }
}
