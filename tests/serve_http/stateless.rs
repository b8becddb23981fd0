//! Requests that stand alone: of 2026-07-28, and of older clients where no sessions are served.

use http::StatusCode;
use shadowcat::protocol::ProtocolVersion;
use shadowcat::serve::Http;
use shadowcat::serve::http::SessionInfo;
use shadowcat::{Error, serve};
use tower::service_fn;

use crate::front::{self, Calls, Events, body, by_hand, endpoint, modern, post, request, send, sending};
use crate::support::{self, call_text, cancelled, done, msg, note};

const QUESTION: &str = r#"{"jsonrpc":"2.0","id":51,"method":"roots/list"}"#;

fn stateless() -> (Http, Calls) {
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
    support::soon(sender.cancelled()).await;
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

#[tokio::test]
async fn a_client_is_told_only_of_revisions_that_are_spoken_here() {
    let (stack, mut calls) = by_hand();
    let spoken = [ProtocolVersion::V2026_07_28, ProtocolVersion::V2025_11_25];
    let http = serve::http(endpoint().versions(spoken)).stateless(stack).build();
    let answer = |versions: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"result":{{"supportedVersions":[{versions}],"capabilities":{{}}}}}}"#
        )
    };
    let response = sending(&http, modern(1, "server/discover"));
    let (_, sender) = calls.take("server/discover").await;
    sender.finish(msg(answer(r#""2027-01-01", "2026-07-28","2025-06-18" ,"2025-11-25""#)));
    assert_eq!(body(response.await.unwrap()).await, answer(r#""2026-07-28","2025-11-25""#));

    let response = sending(&http, modern(1, "server/discover"));
    let (_, sender) = calls.take("server/discover").await;
    sender.try_send(msg(note("notifications/message"))).unwrap();
    let mut events = Events::of(response.await.unwrap());
    sender.finish(msg(answer(r#""2025-03-26""#)));
    assert_eq!(events.data().await, note("notifications/message"));
    assert_eq!(events.data().await, answer(""));

    let refusal = |versions: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":2,"error":{{"code":-32022,"message":"no","data":{{"supported":[{versions}]}}}}}}"#
        )
    };
    let response = sending(&http, modern(2, "tools/list"));
    let (_, sender) = calls.take("tools/list").await;
    sender.finish(msg(refusal(r#""2027-01-01","2025-11-25""#)));
    let response = response.await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(body(response).await, refusal(r#""2025-11-25""#));
}

#[tokio::test]
async fn a_server_cancels_no_request_of_its_client() {
    let (http, mut calls) = stateless();
    let response = sending(&http, modern(1, "tools/list"));
    let (_, sender) = calls.take("tools/list").await;
    sender.try_send(msg(cancelled(1))).unwrap();
    sender.try_send(msg(note("notifications/message"))).unwrap();
    let mut events = Events::of(response.await.unwrap());
    assert_eq!(events.data().await, note("notifications/message"));
    sender.finish(msg(done(1)));
    assert_eq!(events.data().await, done(1));

    // But a listen it ends so.
    let mut events = Events::of(send(&http, modern(2, "subscriptions/listen")).await);
    let (_, sender) = calls.take("subscriptions/listen").await;
    sender.try_send(msg(cancelled(2))).unwrap();
    assert_eq!(events.data().await, cancelled(2));
    assert!(events.next().await.is_none());
}
