//! The front end for clients of 2024-11-05: HTTP+SSE, with two endpoints.

use std::sync::Arc;

use http::StatusCode;
use shadowcat::protocol::ProtocolVersion;
use shadowcat::serve::Http;
use shadowcat::session::{Principal, Session};
use shadowcat::wire::http::Endpoint;
use shadowcat::{Code, Error};

use crate::front::{self, Calls, Events, INITIALIZE, at, post, request, send, sessions};
use crate::support::{self, call_text, cancelled, done, msg, note, soon};

fn served() -> (Http, Calls) {
    let sse = Endpoint::bound_to("/sse", "127.0.0.1:8080".parse().unwrap()).unwrap();
    sessions(|http| http.http_sse(sse))
}

/// The stream, and where to post to.
async fn connect(http: &Http) -> (Events, String) {
    let response = send(http, at("/sse", request("GET", None).body(String::new()).unwrap())).await;
    let mut events = Events::of(response);
    let endpoint = events.next().await.unwrap();
    assert_eq!(endpoint.name.as_deref(), Some("endpoint"));
    let query = String::from_utf8(endpoint.data.to_vec()).unwrap();
    assert!(query.starts_with("?sessionId="), "{query}"); // right behind any prefix
    (events, format!("/sse{query}"))
}

async fn say(http: &Http, uri: &str, body: &str) -> StatusCode {
    send(http, at(uri, post(None, body))).await.status()
}

#[tokio::test(start_paused = true)]
async fn what_is_posted_is_answered_on_the_stream() {
    let (http, mut calls) = served();
    let (mut events, uri) = connect(&http).await;
    assert_eq!(say(&http, &uri, INITIALIZE).await, StatusCode::ACCEPTED);
    let reading = tokio::spawn(async move {
        let answer = events.next().await.unwrap();
        (events, answer)
    });
    let (listen, unasked) = calls.take("subscriptions/listen").await;
    assert!(listen.is_session_listen());
    let (message, sender) = calls.take("initialize").await;
    sender.finish(message.responder().result(front::AGREED).unwrap().unwrap());
    let (mut events, answer) = reading.await.unwrap();
    assert_eq!(answer.name.as_deref(), Some("message"));
    assert!(answer.data.starts_with(br#"{"jsonrpc":"2.0","id":0,"result""#));

    unasked.try_send(msg(r#"{"jsonrpc":"2.0","id":51,"method":"roots/list"}"#)).unwrap();
    assert!(events.data().await.contains("roots/list"));
    assert_eq!(say(&http, &uri, &done(51)).await, StatusCode::ACCEPTED);
    events.is_silent().await;
    assert_eq!(support::text(&calls.next().await.0), done(51));

    assert_eq!(say(&http, &uri, &call_text(1)).await, StatusCode::ACCEPTED);
    events.is_silent().await;
    let (_, sender) = calls.take("tools/call").await;
    assert_eq!(say(&http, &uri, &cancelled(1)).await, StatusCode::ACCEPTED);
    events.is_silent().await;
    soon(sender.cancelled()).await;
}

/// A client that speaks both eras begins like this, and gives up on a transport that says 400 (Python SDK 2.3).
#[tokio::test(start_paused = true)]
async fn a_probe_for_the_newest_revision_is_answered_on_the_stream() {
    let (http, mut calls) = served();
    let (mut events, uri) = connect(&http).await;
    let probe = r#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    assert_eq!(say(&http, &uri, probe).await, StatusCode::ACCEPTED);
    events.is_silent().await;
    let _listen = calls.take("subscriptions/listen").await;
    let (message, sender) = calls.take("server/discover").await;
    sender.finish(message.responder().error(Code::METHOD_NOT_FOUND, "Method not found").unwrap());
    assert!(events.data().await.contains("-32601"));
    assert_eq!(say(&http, &uri, INITIALIZE).await, StatusCode::ACCEPTED);
    events.is_silent().await;
    assert_eq!(support::text(&calls.next().await.0), INITIALIZE);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_stream_is_the_end_of_the_session_and_its_calls() {
    let (http, mut calls) = served();
    let (mut events, uri) = connect(&http).await;
    say(&http, &uri, &call_text(1)).await;
    events.is_silent().await;
    let _listen = calls.take("subscriptions/listen").await;
    let (_, sender) = calls.take("tools/call").await;
    drop(events);
    soon(sender.cancelled()).await;
    assert_eq!(front::stacks(&calls), 0);
    assert!(http.sessions().is_empty());
    assert_eq!(say(&http, &uri, &call_text(2)).await, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_gone_ends_the_stream_once_every_call_is_answered() {
    let (http, mut calls) = served();
    let (mut events, uri) = connect(&http).await;
    say(&http, &uri, &call_text(1)).await;
    events.is_silent().await;
    let (_, listen) = calls.take("subscriptions/listen").await;
    let (_, sender) = calls.take("tools/call").await;
    listen.fail(Error::closed("it exited"));
    sender.fail(Error::closed("it exited"));
    assert!(events.data().await.contains("upstream_closed"));
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn its_sessions_and_those_of_streamable_http_are_strangers() {
    let (http, mut calls) = served();
    let (_events, uri) = connect(&http).await;
    let _listen = calls.take("subscriptions/listen").await;
    let sse = uri.split_once('=').unwrap().1;
    let streamable = front::open(&http, &mut calls).await;
    assert_eq!(send(&http, post(Some(sse), call_text(1))).await.status(), StatusCode::NOT_FOUND);
    let crossed = format!("/sse?sessionId={streamable}");
    assert_eq!(say(&http, &crossed, &call_text(1)).await, StatusCode::NOT_FOUND);
    for (uri, status) in
        [("/sse", 400), ("/sse?sessionId=x", 404), ("/sse?sessionId=x&sessionId=y", 400), ("/sse/", 404)]
    {
        assert_eq!(say(&http, uri, &note("n")).await, status, "{uri}");
    }
    let delete = at("/sse", request("DELETE", None).body(String::new()).unwrap());
    assert_eq!(send(&http, delete).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    let put = send(&http, at("/sse", request("PUT", None).body(String::new()).unwrap())).await;
    assert_eq!(put.headers()["allow"], "GET, POST");
    let mut rebound = at("/sse", request("GET", None).body(String::new()).unwrap());
    rebound.headers_mut().insert("host", "evil.example".parse().unwrap());
    assert_eq!(send(&http, rebound).await.status(), StatusCode::FORBIDDEN);
    let mut other = at(&uri, post(None, call_text(1)));
    other.extensions_mut().insert(Principal::new("bob"));
    assert_eq!(send(&http, other).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn what_is_posted_and_not_taken_is_bounded() {
    let sse = Endpoint::bound_to("/sse", "127.0.0.1:8080".parse().unwrap()).unwrap();
    let (http, _calls) = sessions(|http| http.http_sse(sse).max_in_flight(2));
    let (_unread, uri) = connect(&http).await;
    for status in [202, 202, 503] {
        assert_eq!(say(&http, &uri, &note("n")).await, status);
    }
}

#[tokio::test(start_paused = true)]
async fn shutting_down_waits_for_the_calls_of_a_stream() {
    let (http, mut calls) = served();
    let (mut events, uri) = connect(&http).await;
    say(&http, &uri, &call_text(1)).await;
    events.is_silent().await;
    let _listen = calls.take("subscriptions/listen").await;
    let (_, sender) = calls.take("tools/call").await;
    http.drain();
    events.is_silent().await;
    assert_eq!(say(&http, &uri, &call_text(2)).await, StatusCode::NOT_FOUND);
    sender.finish(msg(done(1)));
    assert_eq!(events.data().await, done(1));
    assert!(events.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn while_draining_the_client_may_still_answer_and_cancel() {
    let (http, mut calls) = served();
    let (mut events, uri) = connect(&http).await;
    for id in 1..=2 {
        say(&http, &uri, &call_text(id)).await;
    }
    events.is_silent().await;
    let _listen = calls.take("subscriptions/listen").await;
    let (_, asks) = calls.take("tools/call").await;
    let (_, hangs) = calls.take("tools/call").await;
    http.drain();
    asks.try_send(msg(r#"{"jsonrpc":"2.0","id":51,"method":"roots/list"}"#)).unwrap();
    assert!(events.data().await.contains("roots/list"));
    assert_eq!(say(&http, &uri, &done(51)).await, StatusCode::ACCEPTED);
    assert_eq!(say(&http, &uri, &cancelled(2)).await, StatusCode::ACCEPTED);
    events.is_silent().await;
    assert_eq!(support::text(&calls.next().await.0), done(51));
    soon(hangs.cancelled()).await;
    asks.finish(msg(done(1)));
    assert_eq!(events.data().await, done(1));
    assert!(events.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_at_the_end_is_answered_with_an_error() {
    let (http, mut calls) = served();
    let (mut events, uri) = connect(&http).await;
    say(&http, &uri, &call_text(1)).await;
    events.is_silent().await;
    let _listen = calls.take("subscriptions/listen").await;
    let (_, sender) = calls.take("tools/call").await;
    say(&http, &uri, &call_text(2)).await; // not taken yet
    http.close();
    for id in 1..=2 {
        let text = events.data().await;
        assert!(text.contains(&format!(r#""id":{id}"#)) && text.contains("upstream_closed"), "{text}");
    }
    assert!(events.next().await.is_none());
    soon(sender.cancelled()).await;
    assert!(calls.is_empty());
    drop(events);
    assert_eq!(front::stacks(&calls), 0);
}

#[tokio::test(start_paused = true)]
async fn its_sessions_know_what_was_agreed_on() {
    let (http, mut calls) = served();
    let (mut events, uri) = connect(&http).await;
    say(&http, &uri, INITIALIZE).await;
    events.is_silent().await;
    let _listen = calls.take("subscriptions/listen").await;
    let (message, sender) = calls.take("initialize").await;
    let session = message.context().unwrap().shared().get::<Arc<Session>>().unwrap().clone();
    assert_eq!(session.client_capabilities(), Some(&br#"{"roots":{}}"#[..]));
    sender.finish(message.responder().result(front::AGREED).unwrap().unwrap());
    events.data().await;
    assert_eq!(session.version(), Some(ProtocolVersion::V2025_06_18));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_told() {
    let (told, mut heard) = tokio::sync::mpsc::channel(16);
    let sse = Endpoint::bound_to("/sse", "127.0.0.1:8080".parse().unwrap()).unwrap();
    let scan = shadowcat::ScanOptions::new().max_bytes(1000);
    let (http, _calls) = sessions(|http| {
        http.http_sse(sse).scan(scan).on_refused(move |refused| {
            told.try_send((String::from_utf8_lossy(refused.bytes).into_owned(), refused.why.to_owned()))
                .unwrap();
        })
    });
    let (mut events, uri) = connect(&http).await;
    let large = "x".repeat(2000);
    for (uri, text, kept, why) in [
        ("/sse", "{", "", "400: sessionId is missing"),
        ("/sse?sessionId=x", "{", "", "404: the session is not known here"),
        (&*uri, &*large, "", "413: the body is too large"),
        (&uri, "{", "{", "400: "),
    ] {
        let status = say(&http, uri, text).await;
        let (bytes, told) = heard.recv().await.unwrap();
        assert!(
            bytes == kept && told.starts_with(why) && told.starts_with(status.as_str()),
            "{bytes} {told}"
        );
    }
    // What the stream finds.
    assert_eq!(say(&http, &uri, &done(9)).await, StatusCode::ACCEPTED);
    assert!(events.data().await.contains("not made"));
    assert_eq!(heard.recv().await.unwrap().0, done(9));
    assert!(heard.try_recv().is_err());
}
