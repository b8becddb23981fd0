//! The front end on HTTP: who may call, how much, and for how long.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use shadowcat::session::{MemoryStore, Principal};
use shadowcat::{Error, ScanOptions};
use tower::ServiceExt;

use crate::front::{
    self, AGREED, Events, INITIALIZE, body, get, modern, open, open_as, post, request, send, sending,
    sessions,
};
use crate::support::{call_text, done, msg, note, soon};

const MINUTE: Duration = Duration::from_secs(60);

fn of(principal: &str, mut request: Request<String>) -> Request<String> {
    request.extensions_mut().insert(Principal::new(principal));
    request
}

#[tokio::test]
async fn another_principals_session_is_answered_like_an_unknown_one() {
    let (http, mut calls) = sessions(|http| http);
    let session = open_as(&http, &mut calls, of("alice", post(None, INITIALIZE)), AGREED).await;
    let unknown = body(send(&http, post(Some("0000"), call_text(1))).await).await;
    for request in [post(Some(&session), call_text(1)), of("bob", post(Some(&session), call_text(1)))] {
        let response = send(&http, request).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(body(response).await, unknown);
    }
    for method in ["GET", "DELETE"] {
        let request = request(method, Some(&session)).body(String::new()).unwrap();
        assert_eq!(send(&http, of("bob", request)).await.status(), StatusCode::NOT_FOUND);
    }
    assert!(calls.is_empty());
    let own = sending(&http, of("alice", post(Some(&session), call_text(1))));
    let (message, sender) = calls.take("tools/call").await;
    let facts = message.context().unwrap();
    assert_eq!(facts.shared().get::<Principal>(), Some(&Principal::new("alice")));
    sender.finish(msg(done(1)));
    assert_eq!(own.await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn sessions_are_bounded_in_all_and_for_each_principal() {
    let (told, mut heard) = tokio::sync::mpsc::channel(9);
    let (http, mut calls) = sessions(|http| {
        let http = http.store(MemoryStore::new().max_sessions(3).max_per_principal(1));
        http.on_refused(move |refused| told.try_send(refused.why.to_owned()).unwrap())
    });
    let alice = open_as(&http, &mut calls, of("alice", post(None, INITIALIZE)), AGREED).await;
    let second = send(&http, of("alice", post(None, INITIALIZE))).await;
    assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(body(second).await.contains(r#""kind":"busy""#));
    assert!(heard.try_recv().unwrap().starts_with("503: "));
    open(&http, &mut calls).await; // nobody in particular
    open(&http, &mut calls).await;
    assert_eq!(send(&http, post(None, INITIALIZE)).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let delete = request("DELETE", Some(&alice)).body(String::new()).unwrap();
    assert_eq!(send(&http, of("alice", delete)).await.status(), StatusCode::NO_CONTENT);
    open_as(&http, &mut calls, of("alice", post(None, INITIALIZE)), AGREED).await;
    assert_eq!(http.sessions().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_expires_and_its_stack_with_it() {
    let (http, mut calls) = sessions(|http| http.idle_timeout(30 * MINUTE));
    let session = open(&http, &mut calls).await;
    tokio::time::sleep(29 * MINUTE).await;
    assert_eq!(send(&http, post(Some(&session), note("notifications/x"))).await.status(), 202);
    calls.take("notifications/x").await;
    tokio::time::sleep(29 * MINUTE).await;
    assert_eq!(front::stacks(&calls), 1); // it was used
    tokio::time::sleep(MINUTE + Duration::from_secs(2)).await;
    assert_eq!(front::stacks(&calls), 0); // without any request
    assert!(http.sessions().is_empty());
    assert_eq!(send(&http, post(Some(&session), call_text(1))).await.status(), StatusCode::NOT_FOUND);
    let again = open(&http, &mut calls).await; // and once more, after all sessions were gone
    tokio::time::sleep(31 * MINUTE).await;
    assert_eq!(front::stacks(&calls), 0);
    assert_eq!(send(&http, get(&again)).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn a_session_with_something_in_flight_or_a_stream_open_is_not_idle() {
    let (http, mut calls) = sessions(|http| http.idle_timeout(MINUTE).keep_alive(10 * MINUTE));
    let busy = open(&http, &mut calls).await;
    let listening = open(&http, &mut calls).await;
    let stream = send(&http, get(&listening)).await;
    let response = tokio::spawn(http.clone().oneshot(post(Some(&busy), call_text(1))));
    let (_, sender) = calls.take("tools/call").await;
    tokio::time::sleep(5 * MINUTE).await;
    assert_eq!(front::stacks(&calls), 2);
    sender.finish(msg(done(1)));
    assert_eq!(response.await.unwrap().unwrap().status(), StatusCode::OK);
    drop(stream);
    tokio::time::sleep(2 * MINUTE).await;
    assert_eq!(front::stacks(&calls), 0);
}

#[tokio::test(start_paused = true)]
async fn no_session_outlives_its_age() {
    let (http, mut calls) = sessions(|http| http.max_age(60 * MINUTE));
    let session = open(&http, &mut calls).await;
    let mut stream = Events::of(send(&http, get(&session)).await);
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (_, _sender) = calls.take("tools/call").await;
    tokio::time::sleep(60 * MINUTE + Duration::from_secs(2)).await;
    assert_eq!(front::stacks(&calls), 0);
    assert!(stream.next().await.is_none());
    let mut response = Events::of(response.await.unwrap()); // a stream since it took so long
    assert!(response.data().await.contains(r#""kind":"upstream_closed""#));
    assert!(response.next().await.is_none());
    assert_eq!(send(&http, post(Some(&session), call_text(1))).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn silence_is_filled_with_comments() {
    let (http, mut calls) = sessions(|http| http.keep_alive(Duration::from_secs(15)));
    let session = open(&http, &mut calls).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    let mut events = Events::of(response.await.unwrap()); // nothing came for so long
    let reading = tokio::spawn(async move {
        let data = events.data().await;
        (data, events.comments())
    });
    tokio::time::sleep(Duration::from_secs(50)).await;
    sender.finish(msg(done(1)));
    assert_eq!(reading.await.unwrap(), (done(1), 3));
}

#[tokio::test]
async fn the_head_is_judged_before_the_body_is_read() {
    let (http, calls) = sessions(|http| http);
    for (header, value, status) in [
        ("host", "evil.example", 403),
        ("origin", "https://evil.example", 403),
        ("content-type", "text/plain", 415),
        ("content-encoding", "gzip", 415),
        ("accept", "text/html", 406),
        ("content-length", "99999999", 413),
        ("connection", "mcp-session-id", 400),
        ("mcp-protocol-version", "1999-01-01", 400),
    ] {
        let mut request = post(None, INITIALIZE);
        request.headers_mut().insert(header, value.parse().unwrap());
        // A body that never comes: only the version is compared with it.
        if status != 400 || header == "connection" {
            let (head, _) = request.into_parts();
            let body = StreamBody::new(futures::stream::pending::<Result<Frame<Bytes>, Infallible>>());
            let response = soon(http.clone().oneshot(Request::from_parts(head, body))).await.unwrap();
            assert_eq!(response.status(), status, "{header}: {value}");
        } else {
            let mut request = post(None, call_text(1));
            request.headers_mut().insert(header, value.parse().unwrap());
            assert_eq!(send(&http, request).await.status(), status, "{header}: {value}");
        }
    }
    // A client takes 405 for good: only where the revision has no such method, it is the answer.
    for method in ["GET", "DELETE"] {
        for (version, status) in [("1999-01-01", 400), ("\u{e9}", 400), ("2026-07-28", 405)] {
            let named = HeaderValue::from_bytes(version.as_bytes()).unwrap();
            let request = request(method, Some("a")).header("mcp-protocol-version", named);
            let response = send(&http, request.body(String::new()).unwrap()).await;
            assert_eq!(response.status(), status, "{method} {version}");
        }
    }
    for method in ["PUT", "PATCH", "TRACE", "MCP"] {
        let response = send(&http, request(method, None).body(String::new()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["allow"], "DELETE, GET, POST");
    }
    let mut elsewhere = post(None, INITIALIZE);
    *elsewhere.uri_mut() = "/mcp/../mcp".parse().unwrap();
    assert_eq!(send(&http, elsewhere).await.status(), StatusCode::NOT_FOUND);
    let mut in_address = post(None, INITIALIZE);
    *in_address.uri_mut() = "/mcp?sessionId=1".parse().unwrap();
    assert_eq!(send(&http, in_address).await.status(), StatusCode::BAD_REQUEST);
    assert!(calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn bodies_are_bounded_in_size_and_time_and_must_be_whole() {
    let (http, calls) =
        sessions(|http| http.scan(ScanOptions::new().max_bytes(1000)).body_timeout(Duration::from_secs(30)));
    let endless =
        || futures::stream::repeat_with(|| Ok::<_, Error>(Frame::data(Bytes::from_static(&[b' '; 64]))));
    let broken =
        || futures::stream::iter([Ok(Frame::data(Bytes::from_static(b"{"))), Err(Error::closed("c"))]);
    let slow = || futures::stream::pending::<Result<Frame<Bytes>, Error>>();
    let head = || post(None, "").into_parts().0;
    let ask = |request| async { soon(http.clone().oneshot(request)).await.unwrap().status() };
    assert_eq!(ask(Request::from_parts(head(), boxed(endless()))).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(ask(Request::from_parts(head(), boxed(broken()))).await, StatusCode::BAD_REQUEST);
    let begun = tokio::time::Instant::now();
    assert_eq!(ask(Request::from_parts(head(), boxed(slow()))).await, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(begun.elapsed().as_secs(), 30);
    for bad in ["", "{", "[]", "nothing", "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":1,\"method\":\"ping\"}"] {
        assert_eq!(send(&http, post(None, bad)).await.status(), StatusCode::BAD_REQUEST);
    }
    assert!(calls.is_empty());
}

type Frames = std::pin::Pin<Box<dyn futures::Stream<Item = Result<Frame<Bytes>, Error>> + Send>>;

fn boxed(
    frames: impl futures::Stream<Item = Result<Frame<Bytes>, Error>> + Send + 'static,
) -> StreamBody<Frames> {
    StreamBody::new(Box::pin(frames))
}

#[tokio::test]
async fn calls_in_flight_are_bounded() {
    let (http, mut calls) = sessions(|http| http.max_in_flight(1));
    let session = open(&http, &mut calls).await;
    let first = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    let second = send(&http, post(Some(&session), call_text(2))).await;
    assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(body(second).await.contains(r#""id":2"#));
    sender.finish(msg(done(1)));
    assert_eq!(first.await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn shutting_down_ends_streams_first_and_calls_last() {
    let (stack, mut calls) = front::by_hand();
    let http = shadowcat::serve::http(front::endpoint()).stateless(stack).build();
    let mut listen = Events::of(send(&http, modern(1, "subscriptions/listen")).await);
    let (_, _listening) = calls.take("subscriptions/listen").await;
    let call = sending(&http, modern(2, "x/y"));
    let (_, sender) = calls.take("x/y").await;
    http.drain();
    assert!(listen.data().await.contains("upstream_closed"));
    assert!(listen.next().await.is_none());
    assert!(!http.is_idle());
    sender.finish(msg(done(2)));
    assert_eq!(call.await.unwrap().status(), StatusCode::OK);
    assert!(http.is_idle());
    let late = sending(&http, modern(3, "x/y"));
    let (_, _sender) = calls.take("x/y").await;
    http.close();
    assert_eq!(late.await.unwrap().status(), StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn a_caller_whom_the_fallback_is_not_for_is_told_of_too() {
    let (told, mut heard) = tokio::sync::mpsc::channel(9);
    let beside = tower::service_fn(|_| async {
        Ok::<_, std::convert::Infallible>(http::Response::new(String::from("beside")))
    });
    let (http, _calls) = sessions(|http| {
        let told = move |refused: &shadowcat::message::RefusedFrame<'_>| {
            told.try_send((refused.bytes.len(), refused.why.to_owned())).unwrap();
        };
        http.fallback(beside).on_refused(told)
    });
    for (host, status) in [("localhost:8080", StatusCode::OK), ("evil.example", StatusCode::FORBIDDEN)] {
        let request = http::Request::get("/beside").header("host", host).body(String::new()).unwrap();
        assert_eq!(send(&http, request).await.status(), status);
    }
    let (bytes, why) = heard.try_recv().unwrap();
    assert!(bytes == 0 && why.starts_with("403"), "{why}");
    assert!(heard.try_recv().is_err());
}
