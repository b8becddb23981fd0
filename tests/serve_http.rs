//! The front end on HTTP: what is answered how.

#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod front;
mod support;

use front::{Events, body, by_hand, endpoint, get, modern, open, post, request, send, sending, sessions};
use http::StatusCode;
use shadowcat::protocol::ProtocolVersion;
use shadowcat::serve::{self, Http, http::SessionInfo};
use shadowcat::session::{Session, SessionId};
use shadowcat::{Error, OwnedId};
use std::sync::Arc;
use support::{call_text, cancelled, done, msg, note, progress};
use tower::service_fn;

const QUESTION: &str = r#"{"jsonrpc":"2.0","id":51,"method":"roots/list"}"#;

#[tokio::test]
async fn initialize_opens_a_session_with_its_facts() {
    let (http, mut calls) = sessions(|http| http);
    let response = sending(&http, post(None, front::INITIALIZE));
    let (message, sender) = calls.take("initialize").await;
    let session = message.context().unwrap().shared().get::<Arc<Session>>().unwrap().clone();
    assert_eq!(session.client_capabilities(), Some(&br#"{"roots":{}}"#[..]));
    assert_eq!(session.version(), None);
    sender.finish(message.responder().result(front::AGREED).unwrap().unwrap());
    let response = response.await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    let id = response.headers()["mcp-session-id"].to_str().unwrap();
    assert_eq!(SessionId::from_text(id).key(), *session.key());
    assert_eq!(session.version().unwrap().as_str(), "2025-06-18");
    assert!(!message.context().unwrap().session_id().unwrap().contains(id));
}

#[tokio::test]
async fn a_session_that_the_server_refuses_never_was() {
    let (http, mut calls) = sessions(|http| http);
    let response = sending(&http, post(None, front::INITIALIZE));
    let (message, sender) = calls.take("initialize").await;
    sender.finish(message.responder().error(shadowcat::Code::INVALID_PARAMS, "no").unwrap());
    let response = response.await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("mcp-session-id"));
    assert!(http.sessions().is_empty());
    assert_eq!(front::stacks(&calls), 0);
}

#[tokio::test]
async fn a_response_that_comes_first_is_json() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    sender.finish(msg(done(1)));
    let response = response.await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()["content-type"]),
        (StatusCode::OK, &"application/json".parse().unwrap())
    );
    assert_eq!(body(response).await, done(1));
}

#[tokio::test]
async fn what_comes_before_the_response_makes_it_a_stream() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    sender.try_send(msg(progress(1, 1))).unwrap();
    let mut events = Events::of(response.await.unwrap());
    assert_eq!(events.data().await, progress(1, 1));
    sender.finish(msg(done(1)));
    assert_eq!(events.data().await, done(1));
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn notifications_are_accepted_without_a_body() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let response = send(&http, post(Some(&session), note("notifications/initialized"))).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(body(response).await, "");
    calls.take("notifications/initialized").await;
}

#[tokio::test]
async fn an_answer_goes_to_the_session_that_was_asked_and_once_only() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let other = open(&http, &mut calls).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    sender.try_send(msg(QUESTION)).unwrap();
    let mut events = Events::of(response.await.unwrap());
    assert_eq!(events.data().await, QUESTION);
    for (session, status) in [(&other, 400), (&session, 202), (&session, 400)] {
        assert_eq!(send(&http, post(Some(session), done(51))).await.status(), status);
    }
    let (answer, _) = calls.next().await;
    assert_eq!(support::text(&answer), done(51));
    assert!(calls.is_empty());
    drop(sender);
}

#[tokio::test]
async fn a_cancellation_drops_its_call_and_rides_along() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (message, sender) = calls.take("tools/call").await;
    let facts = message.context().unwrap().clone();
    let watch = tokio::spawn(async move {
        sender.cancelled().await;
        facts
    });
    tokio::task::yield_now().await;
    assert_eq!(send(&http, post(Some(&session), cancelled(1))).await.status(), StatusCode::ACCEPTED);
    let facts = watch.await.unwrap();
    assert_eq!(facts.take_cancellation(&OwnedId::from(1)), None); // it does not lie around
    let mut events = Events::of(response.await.unwrap());
    assert!(events.next().await.is_none());
    // One that names nothing in flight travels on.
    assert_eq!(send(&http, post(Some(&session), cancelled(1))).await.status(), StatusCode::ACCEPTED);
    calls.take("notifications/cancelled").await;
}

#[tokio::test]
async fn an_id_in_use_is_refused() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let first = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    let second = send(&http, post(Some(&session), call_text(1))).await;
    assert_eq!(second.status(), StatusCode::BAD_REQUEST);
    assert!(!body(second).await.contains("\"id\""));
    sender.finish(msg(done(1)));
    assert_eq!(body(first.await.unwrap()).await, done(1));
    let third = sending(&http, post(Some(&session), call_text(1)));
    calls.take("tools/call").await.1.finish(msg(done(1)));
    assert_eq!(third.await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn sessions_are_required_known_and_ended_by_delete() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    for (request, status) in [
        (post(None, call_text(1)), 400),
        (post(Some("0123456789abcdef"), call_text(1)), 404),
        (post(Some("../../etc"), call_text(1)), 404),
        (post(Some("a b"), call_text(1)), 400),
        (post(Some(&session), front::INITIALIZE), 400),
        (request("GET", None).body(String::new()).unwrap(), 400),
        (get("unknown"), 404),
        (request("DELETE", Some("unknown")).body(String::new()).unwrap(), 404),
    ] {
        let shown = format!("{request:?}");
        assert_eq!(send(&http, request).await.status(), status, "{shown}");
    }
    let pending = sending(&http, post(Some(&session), call_text(7)));
    let (_, sender) = calls.take("tools/call").await;
    let deleted = send(&http, request("DELETE", Some(&session)).body(String::new()).unwrap()).await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    soon_cancelled(&sender).await;
    let pending = pending.await.unwrap();
    assert_eq!(pending.status(), StatusCode::BAD_GATEWAY);
    assert!(body(pending).await.contains(r#""id":7"#));
    assert_eq!(front::stacks(&calls), 0);
    assert_eq!(send(&http, post(Some(&session), call_text(8))).await.status(), StatusCode::NOT_FOUND);
}

async fn soon_cancelled(sender: &shadowcat::ReplySender) {
    support::soon(sender.cancelled()).await;
}

#[tokio::test(start_paused = true)]
async fn each_unasked_message_goes_to_exactly_one_stream() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let mut first = Events::of(send(&http, get(&session)).await);
    let mut second = Events::of(send(&http, get(&session)).await);
    first.is_silent().await;
    let (listen, sender) = calls.take("subscriptions/listen").await;
    assert!(listen.is_session_listen());
    second.is_silent().await;
    sender.try_send(msg(note("notifications/a"))).unwrap();
    assert_eq!(first.data().await, note("notifications/a"));
    second.is_silent().await;
    first.is_silent().await;
    drop(first);
    sender.try_send(msg(note("notifications/b"))).unwrap();
    assert_eq!(second.data().await, note("notifications/b"));
    assert!(calls.is_empty()); // one listen for all
    drop(second);
    sender.try_send(msg(note("notifications/c"))).unwrap(); // waits for the next stream
    assert_eq!(Events::of(send(&http, get(&session)).await).data().await, note("notifications/c"));
}

#[tokio::test]
async fn a_stream_that_is_not_read_keeps_nothing_from_the_others() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let mut read = Events::of(send(&http, get(&session)).await);
    let mut stalled = Events::of(send(&http, get(&session)).await);
    let reading = tokio::spawn(async move { read.data().await });
    tokio::task::yield_now().await;
    let (_, sender) = calls.take("subscriptions/listen").await;
    // It asked last, and is never asked again.
    assert!(futures::poll!(std::future::poll_fn(|cx| stalled.poll_next(cx))).is_pending());
    sender.try_send(msg(note("notifications/a"))).unwrap();
    assert_eq!(support::soon(reading).await.unwrap(), note("notifications/a"));
}

#[tokio::test]
async fn streams_are_bounded() {
    let (http, mut calls) = sessions(|http| http.max_streams(1));
    let session = open(&http, &mut calls).await;
    let first = send(&http, get(&session)).await;
    assert_eq!(send(&http, get(&session)).await.status(), StatusCode::CONFLICT);
    drop(first);
    assert_eq!(send(&http, get(&session)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_server_that_is_gone_takes_the_session_with_it() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let mut events = Events::of(send(&http, get(&session)).await);
    let listening = tokio::spawn(async move { events.next().await });
    let (_, sender) = calls.take("subscriptions/listen").await;
    sender.fail(Error::closed("it exited"));
    assert!(listening.await.unwrap().is_none());
    assert_eq!(send(&http, post(Some(&session), call_text(1))).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(front::stacks(&calls), 0);
}

#[tokio::test]
async fn a_call_that_fails_tells_why_and_may_tell_that_the_session_is_lost() {
    for (error, status, lost) in [
        (Error::timeout("t"), 504, false),
        (Error::busy("b"), 503, false),
        (Error::invalid("i"), 502, false),
        (Error::closed("c"), 502, true), // as its listen says
        (Error::session_lost("s"), 404, true),
    ] {
        let (http, mut calls) = sessions(|http| http);
        let session = open(&http, &mut calls).await;
        let response = sending(&http, post(Some(&session), call_text(1)));
        let (_, sender) = calls.take("tools/call").await;
        let closed = error.is_closed();
        sender.fail(error);
        let response = response.await.unwrap();
        assert_eq!(response.status(), status);
        assert!(body(response).await.contains(r#""id":1,"error":{"code":-32603"#));
        if closed && status == 502 {
            calls.take("subscriptions/listen").await.1.fail(Error::closed("c"));
            // The next that looks finds out.
            let mut events = Events::of(send(&http, get(&session)).await);
            assert!(events.next().await.is_none());
        }
        let next = sending(&http, post(Some(&session), note("notifications/x")));
        assert_eq!(next.await.unwrap().status(), if lost { 404 } else { 202 });
    }
}

#[tokio::test]
async fn a_client_that_takes_json_only_gets_the_response_and_nobody_waits_for_it() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let mut request = post(Some(&session), call_text(1));
    request.headers_mut().insert("accept", "application/json".parse().unwrap());
    let response = sending(&http, request);
    let (_, sender) = calls.take("tools/call").await;
    sender.try_send(msg(progress(1, 1))).unwrap();
    sender.try_send(msg(QUESTION)).unwrap();
    let (refusal, _) = calls.next().await;
    assert!(support::text(&refusal).contains(r#""id":51,"error""#));
    sender.finish(msg(done(1)));
    assert_eq!(body(response.await.unwrap()).await, done(1));
}

fn stateless() -> (Http, front::Calls) {
    let (stack, calls) = by_hand();
    (serve::http(endpoint()).stateless(stack).build(), calls)
}

#[tokio::test]
async fn a_modern_request_stands_alone() {
    let (http, mut calls) = stateless();
    let mut ping = modern(1, "server/discover");
    ping.headers_mut().insert("mcp-session-id", "whatever".parse().unwrap());
    let response = sending(&http, ping);
    calls.take("server/discover").await.1.finish(msg(done(1)));
    let response = response.await.unwrap();
    assert!(!response.headers().contains_key("mcp-session-id"));
    assert_eq!(body(response).await, done(1));

    let unknown = sending(&http, modern(2, "x/y"));
    let (message, sender) = calls.take("x/y").await;
    sender.finish(message.responder().error(shadowcat::Code::METHOD_NOT_FOUND, "no").unwrap());
    assert_eq!(unknown.await.unwrap().status(), StatusCode::NOT_FOUND);

    for method in ["GET", "DELETE"] {
        let response = send(&http, request(method, Some("x")).body(String::new()).unwrap()).await;
        assert_eq!(
            (response.status(), &response.headers()["allow"]),
            (StatusCode::METHOD_NOT_ALLOWED, &"POST".parse().unwrap())
        );
    }
    let mut lying = modern(3, "tools/list");
    lying.headers_mut().insert("mcp-method", "ping".parse().unwrap());
    let lying = send(&http, lying).await;
    assert_eq!(lying.status(), StatusCode::BAD_REQUEST);
    assert!(body(lying).await.contains(r#""id":3,"error":{"code":-32020"#));
}

#[tokio::test]
async fn a_modern_listen_is_a_stream_as_soon_as_it_is_open() {
    let (http, mut calls) = stateless();
    let mut events = Events::of(send(&http, modern(1, "subscriptions/listen")).await);
    let (_, sender) = calls.take("subscriptions/listen").await;
    sender.try_send(msg(note("notifications/a"))).unwrap();
    assert_eq!(events.data().await, note("notifications/a"));
    sender.try_send(msg(QUESTION)).unwrap(); // no server of that revision asks
    sender.try_send(msg(note("notifications/b"))).unwrap();
    let event = events.next().await.unwrap();
    assert_eq!((event.data.as_ref(), event.id), (note("notifications/b").as_bytes(), None));
    drop(events);
    soon_cancelled(&sender).await;
}

#[tokio::test]
async fn without_sessions_older_clients_get_none() {
    let (http, mut calls) = stateless();
    let response = sending(&http, post(None, front::INITIALIZE));
    let (message, sender) = calls.take("initialize").await;
    sender.finish(message.responder().result(front::AGREED).unwrap().unwrap());
    let response = response.await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("mcp-session-id"));
    let response = sending(&http, post(None, call_text(1)));
    calls.take("tools/call").await.1.finish(msg(done(1)));
    assert_eq!(body(response.await.unwrap()).await, done(1));
    assert_eq!(send(&http, post(Some("never-given"), call_text(1))).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn without_a_stack_for_it_the_modern_revision_is_not_supported() {
    let make = service_fn(|_: SessionInfo| std::future::ready(Ok::<_, Error>(by_hand().0)));
    let spoken = [ProtocolVersion::V2026_07_28, ProtocolVersion::V2025_11_25];
    let http = serve::http(endpoint().versions(spoken)).sessions(make).build();
    let response = send(&http, modern(1, "server/discover")).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let text = body(response).await;
    assert!(text.contains(r#""code":-32022"#) && text.contains(r#""supported":["2025-11-25"]"#), "{text}");
}
