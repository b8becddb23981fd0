//! Whose credential what is sent carries, where several clients share a transparent leaf. The server is scripted.

use http::HeaderMap;
use shadowcat::JsonRpcMessage;
use shadowcat::connect::http::{Options, Transport};
use shadowcat::wire::http::ClientAuthorization;
use tower::Service;

use crate::support::*;
use crate::upstream::*;

fn transparent() -> (Session, Upstream) {
    upstream_with(Options::new().transparent_authorization(true))
}

/// A message as a client sent it, with this token or with none.
fn sent(text: impl AsRef<str>, token: Option<&str>) -> JsonRpcMessage {
    let mut headers = HeaderMap::new();
    token.into_iter().for_each(|token| _ = headers.insert("authorization", token.parse().unwrap()));
    let mut message = msg(text);
    message.extensions_mut().insert(ClientAuthorization::of(&headers));
    message
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_is_in_the_name_of_the_client_that_made_the_call() {
    let (mut leaf, mut server) = transparent();
    let first = begin(&mut leaf, sent(call_text(1), Some("a")));
    let pending = server.post(&call_text(1)).await;
    let second = begin(&mut leaf, sent(call_text(2), Some("b")));
    server.post(&call_text(2)).await.json(done(2));
    drop(soon(second).await.unwrap().unwrap());
    first.abort();
    let cancel = server.asked().await;
    assert!(cancel.body.contains("notifications/cancelled"), "{cancel:?}");
    assert_eq!(cancel.header("authorization"), Some("a"));
    drop(pending);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_taken_up_again_in_the_name_of_the_client_that_made_the_call() {
    let (mut leaf, mut server) = transparent();
    let first = begin(&mut leaf, sent(call_text(1), Some("a")));
    let mut events = server.post(&call_text(1)).await.events();
    events.raw("id: 7\ndata:\n\n");
    settled().await;
    let second = begin(&mut leaf, sent(call_text(2), Some("b")));
    server.post(&call_text(2)).await.json(done(2));
    drop(soon(second).await.unwrap().unwrap());
    drop(events);
    let again = server.get().await;
    assert_eq!((again.header("last-event-id"), again.header("authorization")), (Some("7"), Some("a")));
    again.events().say(done(1));
    assert_eq!(text(soon(first).await.unwrap().unwrap().as_one().unwrap()), done(1));
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_is_no_longer_sent_is_no_longer_used() {
    let (mut leaf, mut server) = transparent();
    let stream = open_session(&mut leaf, &mut server).await;
    for (id, token) in [(1, Some("a")), (2, None)] {
        let call = begin(&mut leaf, sent(call_text(id), token));
        server.post(&call_text(id)).await.json(done(id));
        drop(soon(call).await.unwrap().unwrap());
    }
    drop(leaf);
    stream.status(405);
    let end = server.asked().await;
    assert_eq!((end.head.method.as_str(), end.header("authorization")), ("DELETE", None));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_stands_alone_lends_its_credential_to_nobody() {
    let (mut leaf, mut server) = transparent();
    let modern = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    let call = begin(&mut leaf, sent(modern, Some("a")));
    server.post(modern).await.status(401); // nothing tells yet what the server is
    drop(soon(call).await.unwrap().unwrap());
    let ping = r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#;
    let call = begin(&mut leaf, msg(ping)); // of a layer, in nobody's name
    let asked = server.post(ping).await;
    assert_eq!(asked.header("authorization"), None);
    asked.json(done(2));
    drop(soon(call).await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn on_the_older_transport_each_message_carries_what_came_with_it() {
    let options = Options::new().transparent_authorization(true).transport(Transport::Sse);
    let (mut leaf, mut server) = upstream_with(options);
    let opening = begin(&mut leaf, sent(INITIALIZE, Some("a")));
    let mut events = server.get().await.events();
    events.raw("event: endpoint\ndata: /message\n\n");
    let asked = server.post(INITIALIZE).await;
    assert_eq!(asked.header("authorization"), Some("a"));
    asked.status(202);
    events.say(welcome("2024-11-05"));
    drop(soon(opening).await.unwrap().unwrap());
    let question = r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#;
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    events.say(question);
    assert_eq!(next(&mut listen).await, question);

    // All at once: whatever is sent on first, the last of them has been here.
    let messages = [
        (call_text(1), Some("b")),
        (done(1), Some("c")),
        (note("notifications/x"), Some("d")),
        (note("notifications/x"), None),
        (call_text("\"1\""), Some("e")),
    ];
    let calls: Vec<_> = messages.iter().map(|(text, token)| begin(&mut leaf, sent(text, *token))).collect();
    let mut due = messages.to_vec();
    for _ in &messages {
        let asked = server.asked().await;
        let is_it = |(text, token): &(String, Option<&str>)| {
            *text == asked.body && *token == asked.header("authorization")
        };
        due.remove(due.iter().position(is_it).unwrap_or_else(|| panic!("{asked:?} of {due:?}")));
        asked.status(202);
    }
    settled().await;
    calls[0].abort();
    let cancel = server.post(&cancelled(1)).await;
    assert_eq!(cancel.header("authorization"), Some("b"), "in the name of whoever called");
    cancel.status(202);
}
