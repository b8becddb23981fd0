//! Legacy sessions over Streamable HTTP, against a scripted server without a socket.

use std::sync::Arc;

use futures::FutureExt;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method};
use shadowcat::connect::http::Options;
use shadowcat::protocol::Era;
use shadowcat::session::{ResponseStream, Session, SessionId};
use shadowcat::{Context, Direction, OwnedId};
use tower::Service;

use crate::support::*;
use crate::upstream::*;

#[tokio::test(start_paused = true)]
async fn a_session_is_opened_named_streamed_and_ended() {
    let (mut leaf, mut server) = upstream();
    let call = begin(&mut leaf, msg(INITIALIZE));
    let asked = server.post(INITIALIZE).await;
    assert_eq!(asked.header("accept"), Some("application/json, text/event-stream"));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!((asked.header("mcp-session-id"), asked.header("mcp-protocol-version")), (None, None));
    asked.answer(opened("2025-06-18"));
    let reply = soon(call).await.unwrap().unwrap();
    assert_eq!(text(reply.as_one().unwrap()), welcome("2025-06-18"));
    assert_eq!(leaf.era(), Some(Era::Legacy));

    let call = begin(&mut leaf, msg(INITIALIZED));
    let asked = server.post(INITIALIZED).await;
    assert_eq!(asked.header("mcp-session-id"), Some("s-1"));
    assert_eq!(asked.header("mcp-protocol-version"), Some("2025-06-18"));
    assert_eq!(asked.header("mcp-method"), None);
    asked.status(202);
    assert!(soon(call).await.unwrap().unwrap().is_end());

    let stream = server.get().await;
    assert_eq!(stream.header("accept"), Some("text/event-stream"));
    assert_eq!(stream.header("mcp-session-id"), Some("s-1"));
    assert_eq!(stream.header("mcp-protocol-version"), Some("2025-06-18"));
    assert_eq!(stream.header("last-event-id"), None);

    drop(leaf);
    let end = server.asked().await;
    assert_eq!((&end.head.method, end.header("mcp-session-id")), (&Method::DELETE, Some("s-1")));
}

#[tokio::test(start_paused = true)]
async fn a_front_ends_session_learns_the_servers_id() {
    let (mut leaf, mut server) = upstream();
    let session = Arc::new(Session::new(SessionId::from_text("ours").key(), None));
    let mut facts = Context::new(Direction::ToUpstream);
    facts.shared_mut().insert(session.clone());
    let call = begin(&mut leaf, msg(INITIALIZE).with_context(Arc::new(facts)));
    let asked = server.post(INITIALIZE).await;
    assert!(session.upstream_id().is_none());
    asked.answer(opened("2025-06-18"));
    drop(soon(call).await.unwrap().unwrap());
    assert_eq!(session.upstream_id().map(SessionId::reveal), Some("s-1"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_one_message_is_one_message() {
    let (mut leaf, mut server) = upstream();
    let waiting = begin(&mut leaf, call(1));
    let mut events = server.post(&call_text(1)).await.events();
    events.raw(": hello\n\nid: 1\ndata:\n\n");
    events.say(done(1));
    assert_eq!(text(soon(waiting).await.unwrap().unwrap().as_one().unwrap()), done(1));

    let waiting = begin(&mut leaf, call(2));
    let mut events = server.post(&call_text(2)).await.events();
    events.say(progress(1, 1));
    let mut reply = soon(waiting).await.unwrap().unwrap();
    assert!(reply.as_one().is_none());
    assert_eq!(next(&mut reply).await, progress(1, 1));
    events.say(done(9)); // of somebody else
    events.say(done(r#""2""#));
    events.say(progress(1, 2));
    let nobodys = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what?"}}"#;
    events.say(nobodys); // settles nothing
    events.say(done(2));
    assert_eq!(rest(reply).await, [progress(1, 2), nobodys.to_owned(), done(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_cancelled_with_the_clients_own_words() {
    let (mut leaf, mut server) = upstream();
    let _stream = open_session(&mut leaf, &mut server).await;
    // Before anything came, and after.
    let waiting = begin(&mut leaf, call(1));
    let asked = server.post(&call_text(1)).await;
    waiting.abort();
    asked.abandoned().await;
    let cancel = server.post(&cancelled(1)).await;
    assert_eq!(cancel.header("mcp-session-id"), Some("s-1"));
    cancel.status(202);

    let context = Arc::new(Context::new(Direction::ToUpstream));
    let waiting = begin(&mut leaf, call(2).with_context(context.clone()));
    let mut events = server.post(&call_text(2)).await.events();
    events.say(progress(1, 1));
    let reply = soon(waiting).await.unwrap().unwrap();
    let own =
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2,"reason":"bored"}}"#;
    context.leave_cancellation(OwnedId::from(2), msg(own));
    drop(reply);
    server.post(own).await.status(202);

    // What is answered, or opens the session, is not cancelled.
    let waiting = begin(&mut leaf, call(3));
    server.post(&call_text(3)).await.json(done(3));
    drop(soon(waiting).await.unwrap().unwrap());
    let waiting = begin(&mut leaf, msg(INITIALIZE));
    let asked = server.post(INITIALIZE).await;
    waiting.abort();
    asked.abandoned().await;
    server.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_server_says_unasked_is_listened_to_and_answered() {
    let (mut leaf, mut server) = upstream();
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    let busy = soon(leaf.call(session_listen())).await.unwrap_err();
    assert!(busy.is_busy() && busy.is_unsent());
    let mut events = open_session(&mut leaf, &mut server).await.events();
    let ask = r#"{"jsonrpc":"2.0","id":0,"method":"roots/list"}"#;
    events.say(note("notifications/tools/list_changed"));
    events.say(ask);
    events.say(ask); // again
    events.say(done(7)); // to nothing
    assert_eq!(next(&mut listen).await, note("notifications/tools/list_changed"));
    assert_eq!(next(&mut listen).await, ask);
    let answer = begin(&mut leaf, msg(done(0)));
    server.post(&done(0)).await.status(202);
    assert!(soon(answer).await.unwrap().unwrap().is_end());
    // Neither answered twice nor asked again on a new stream.
    assert!(soon(leaf.call(msg(done(0)))).await.unwrap().is_end());
    drop(events);
    let mut events = server.get().await.events();
    events.say(ask);
    events.say(note("notifications/x"));
    assert_eq!(next(&mut listen).await, note("notifications/x"));
    server.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_will_answer_is_refused() {
    let (mut leaf, mut server) = upstream();
    let mut events = open_session(&mut leaf, &mut server).await.events();
    let ask = |id: u32| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"roots/list"}}"#);
    let refusal = |id: u32| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32603,"message":"nobody is there to answer"}}}}"#
        )
    };
    // Said before anybody listens: kept, read, and then given up with its reader.
    events.say(ask(1));
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    assert_eq!(next(&mut listen).await, ask(1));
    drop(listen);
    server.post(&refusal(1)).await.status(202);
    events.say(ask(2));
    server.post(&refusal(2)).await.status(202);
    // In a call that is dropped.
    let waiting = begin(&mut leaf, call(5));
    let mut events = server.post(&call_text(5)).await.events();
    events.say(ask(3));
    drop(soon(waiting).await.unwrap().unwrap());
    let told = [server.asked().await.body, server.asked().await.body];
    assert_eq!(told, [refusal(3), cancelled(5)]);
}

#[tokio::test(start_paused = true)]
async fn credentials_come_from_configuration_only() {
    let mut token = HeaderValue::from_static("Bearer ours");
    token.set_sensitive(true);
    let options = Options::new()
        .header(AUTHORIZATION, token)
        .header("mcp-session-id".parse().unwrap(), HeaderValue::from_static("forged"));
    let (mut leaf, mut server) = upstream_with(options);
    assert!(!format!("{leaf:?}").contains("key=k"));
    let mut message = call(1);
    message
        .extensions_mut()
        .insert(http::HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer theirs"))]));
    let _waiting = begin(&mut leaf, message);
    let asked = server.post(&call_text(1)).await;
    assert_eq!(asked.header("authorization"), Some("Bearer ours"));
    assert_eq!((asked.header("mcp-session-id"), asked.header("cookie")), (None, None));
    assert_eq!(asked.head.uri, URI);
}

#[tokio::test(start_paused = true)]
async fn a_client_on_stdio_has_a_session_behind_http() {
    let (leaf, mut server) = upstream();
    let (mut client, read, write) = peer(4096);
    let front = tokio::spawn(shadowcat::serve::stdio(leaf).run_on(read, write));
    client.say_raw(format!("{INITIALIZE}\n{INITIALIZED}\n{}\n", call_text(1)).as_bytes()).await;
    server.post(INITIALIZE).await.answer(opened("2025-11-25"));
    assert_eq!(client.hear().await.unwrap(), welcome("2025-11-25"));
    server.post(INITIALIZED).await.status(202);
    let (mut stream, mut call) = (None, None);
    for _ in 0..2 {
        let asked = server.asked().await;
        let place = if asked.body.is_empty() { &mut stream } else { &mut call };
        *place = Some(asked);
    }
    let (mut stream, mut call) = (stream.unwrap().events(), call.unwrap().events());
    stream.say(note("notifications/tools/list_changed"));
    assert_eq!(client.hear().await.unwrap(), note("notifications/tools/list_changed"));
    let ask = r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#;
    call.say(ask);
    assert_eq!(client.hear().await.unwrap(), ask);
    client.say(done(r#""q""#)).await;
    server.post(&done(r#""q""#)).await.status(202);
    let own =
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"bored"}}"#;
    client.say(own).await;
    server.post(own).await.status(202);
    call.closed().await;

    client.say(call_text(2)).await;
    server.post(&call_text(2)).await.status(404);
    client.hear_error(Some("2"), -32603).await;
    assert!(soon(front).await.unwrap().unwrap_err().is_session_lost());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_the_server_opens_and_closes_is_opened_and_closed_for_the_client() {
    let (mut leaf, mut server) = upstream();
    let _stream = open_session(&mut leaf, &mut server).await;
    let (mut first, opened) = (call(1), ResponseStream::new());
    first.extensions_mut().insert(opened.clone());
    let waiting = begin(&mut leaf, first);
    let mut events = server.post(&call_text(1)).await.events();
    assert!(opened.waits() && !opened.is_opened());
    events.raw("id: p\nretry: 200\ndata:\n\n");
    soon(std::future::poll_fn(|cx| opened.poll_opened(cx))).await;
    let closed = std::future::poll_fn(|cx| opened.poll_closed(cx));
    assert!(closed.now_or_never().is_none());
    drop(events);
    soon(std::future::poll_fn(|cx| opened.poll_closed(cx))).await;
    let again = server.get().await;
    assert_eq!(again.header("last-event-id"), Some("p"));
    again.events().say(done(1));
    assert_eq!(text(soon(waiting).await.unwrap().unwrap().as_one().unwrap()), done(1));
}
