//! The front end on HTTP: what is answered how.

use http::StatusCode;
use shadowcat::protocol::peek;
use shadowcat::serve::{self, http::SessionInfo};
use shadowcat::session::{ResponseMode, Session, SessionId};
use shadowcat::{Error, JsonRpcMessage, Kind, OwnedId, Reply, RpcService};
use std::sync::Arc;
use tokio::sync::mpsc;
use tower::service_fn;

use crate::front::{
    self, Events, INITIALIZE, body, endpoint, get, open, post, request, send, sending, sessions,
};
use crate::support::{self, call_text, cancelled, done, msg, note, progress, soon};

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
async fn a_reply_may_say_how_it_is_written() {
    let (tell, mut answered) = mpsc::channel(8);
    let make = service_fn(move |_: SessionInfo| {
        let stack = moded(tell.clone());
        async move { Ok::<_, Error>(stack) }
    });
    let http = serve::http(endpoint()).sessions(make).build();
    let opened = send(&http, post(None, INITIALIZE)).await;
    let session = opened.headers()["mcp-session-id"].to_str().unwrap().to_owned();

    // One message, in a stream.
    let mut events = Events::of(send(&http, post(Some(&session), asked("events"))).await);
    assert_eq!(events.data().await, done(1));
    assert!(events.next().await.is_none());

    // Several, as a document: what comes before the response is dropped, and a question is refused.
    let response = send(&http, post(Some(&session), asked("json"))).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(body(response).await, done(1));
    let answer = soon(answered.recv()).await.unwrap();
    assert!(answer.owned_id() == Some(5.into()) && answer.error().is_some(), "{answer:?}");

    // What says nothing is written as it comes.
    let response = send(&http, post(Some(&session), asked("auto"))).await;
    assert_eq!(response.headers()["content-type"], "application/json");
}

fn asked(how: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{how}"}}}}"#)
}

/// Writes a reply as the tool's name says; tells what it is answered.
fn moded(answered: mpsc::Sender<JsonRpcMessage>) -> impl RpcService {
    service_fn(move |message: JsonRpcMessage| {
        let reply = match peek::tool_name(&message).ok().flatten().as_deref() {
            _ if message.is_method("initialize") => {
                Reply::one(message.responder().result(front::AGREED).unwrap().unwrap())
            }
            Some("events") => mode(Reply::one(msg(done(1))), ResponseMode::Events),
            Some("auto") => Reply::one(msg(done(1))),
            Some("json") => {
                let question = r#"{"jsonrpc":"2.0","id":5,"method":"roots/list"}"#;
                let said = [msg(progress(1, 1)), msg(question), msg(done(1))].map(Ok);
                mode(Reply::stream(futures::stream::iter(said)), ResponseMode::Json)
            }
            _ => {
                if message.kind() == Kind::Response {
                    answered.try_send(message).unwrap();
                }
                Reply::empty()
            }
        };
        async move { Ok::<_, Error>(reply) }
    })
}

fn mode(mut reply: Reply, mode: ResponseMode) -> Reply {
    reply.extensions_mut().insert(mode);
    reply
}
