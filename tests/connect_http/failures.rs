//! What breaks, is refused or is lost in legacy sessions over Streamable HTTP.

use std::time::Duration;

use futures::{FutureExt, StreamExt};
use shadowcat::Error;
use shadowcat::connect::http::Options;
use shadowcat::protocol::Era;
use shadowcat::reply::Upstream as Said;
use tower::Service;

use crate::support::*;
use crate::upstream::*;

#[tokio::test(start_paused = true)]
async fn a_broken_stream_is_taken_up_again_after_the_last_event() {
    let (mut leaf, mut server) = upstream();
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    let mut events = open_session(&mut leaf, &mut server).await.events();
    events.raw(format!("id: a\nretry: 3000\ndata: {}\n\n", note("notifications/a")));
    assert_eq!(next(&mut listen).await, note("notifications/a"));
    let begun = tokio::time::Instant::now();
    events.break_off();
    let again = server.get().await;
    assert_eq!(begun.elapsed().as_secs(), 3);
    assert_eq!((again.header("last-event-id"), again.header("mcp-session-id")), (Some("a"), Some("s-1")));
    again.status(503);
    let again = server.get().await;
    assert_eq!(again.header("last-event-id"), Some("a"));
    let mut events = again.events();
    // rmcp repeats everything.
    events.raw(format!("id: a\ndata: {}\n\n", note("notifications/a")));
    events.raw(format!("id: b\ndata: {}\n\n", note("notifications/b")));
    assert_eq!(next(&mut listen).await, note("notifications/b"));
}

#[tokio::test(start_paused = true)]
async fn a_server_without_a_stream_is_asked_once() {
    let (mut leaf, mut server) = upstream();
    let stream = open_session(&mut leaf, &mut server).await;
    stream.status(405);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    server.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_is_taken_up_and_never_asked_twice() {
    let (mut leaf, mut server) = upstream();
    let _stream = open_session(&mut leaf, &mut server).await;
    let waiting = begin(&mut leaf, call(1));
    let mut events = server.post(&call_text(1)).await.events();
    events.raw("id: p\nretry: 500\ndata:\n\n");
    drop(events);
    let again = server.get().await;
    assert_eq!((again.header("last-event-id"), again.header("mcp-session-id")), (Some("p"), Some("s-1")));
    drop(again.events()); // says nothing, and ends
    let mut events = server.get().await.events();
    events.say(done(1));
    assert_eq!(text(soon(waiting).await.unwrap().unwrap().as_one().unwrap()), done(1));

    // Without a number nothing can be taken up.
    let waiting = begin(&mut leaf, call(2));
    let mut events = server.post(&call_text(2)).await.events();
    events.say(progress(1, 1));
    let mut reply = soon(waiting).await.unwrap().unwrap();
    assert_eq!(next(&mut reply).await, progress(1, 1));
    events.break_off();
    let error = soon(reply.next()).await.unwrap().unwrap_err();
    assert!(error.is_closed() && !error.is_unsent(), "{error:?}");
    assert!(soon(reply.next()).await.is_none());
    drop(reply);
    server.post(&cancelled(2)).await.status(202); // it may still be at it
    server.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_session_is_told_to_everything_that_waits() {
    let (mut leaf, mut server) = upstream();
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    let _stream = open_session(&mut leaf, &mut server).await;
    let (first, second) = (begin(&mut leaf, call(1)), begin(&mut leaf, call(2)));
    let _first_asked = server.post(&call_text(1)).await;
    let asked = server.post(&call_text(2)).await;
    let gone = r#"{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}"#;
    asked.say(404, "application/json", gone);
    for waiting in [first, second] {
        let error = soon(waiting).await.unwrap().unwrap_err();
        assert!(error.is_session_lost() && !error.is_unsent(), "{error:?}");
    }
    assert!(soon(listen.next()).await.unwrap().unwrap_err().is_session_lost());
    let late = soon(leaf.call(call(3))).await.unwrap_err();
    assert!(late.is_session_lost() && late.is_unsent());
    assert!(soon(leaf.ended()).await.error().is_session_lost());
    drop((leaf, listen));
    server.hears_nothing().await; // there is nothing to end
}

#[tokio::test(start_paused = true)]
async fn another_404_is_no_lost_session() {
    let (mut leaf, mut server) = upstream();
    let _stream = open_session(&mut leaf, &mut server).await;
    let waiting = begin(&mut leaf, call(1));
    let unknown = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}"#;
    server.post(&call_text(1)).await.say(404, "application/json", unknown);
    let reply = soon(waiting).await.unwrap().unwrap();
    assert_eq!(text(reply.as_one().unwrap()), unknown);
    assert_eq!(reply.extensions().get::<Said>().unwrap().status, 404);

    // Without a session there is none to lose.
    let (mut leaf, mut server) = upstream();
    let waiting = begin(&mut leaf, call(1));
    server.post(&call_text(1)).await.status(404);
    assert!(!soon(waiting).await.unwrap().unwrap_err().is_session_lost());
    assert!(leaf.ended().now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_tells_what_the_server_said() {
    let (mut leaf, mut server) = upstream();
    let waiting = begin(&mut leaf, call(1));
    let challenge = http::Response::builder()
        .status(401)
        .header("www-authenticate", "Bearer scope=\"x\"")
        .header("content-type", "text/html");
    server.post(&call_text(1)).await.answer(challenge.body("<h1>no</h1>".into()).unwrap());
    let reply = soon(waiting).await.unwrap().unwrap();
    let told = text(reply.as_one().unwrap());
    assert!(told.contains(r#""id":1,"error":{"code":-32603"#) && told.contains("401"), "{told}");
    assert!(!told.contains("<h1>"));
    let said = reply.extensions().get::<Said>().unwrap();
    assert_eq!((said.status.as_u16(), said.body.as_deref()), (401, Some(&b"<h1>no</h1>"[..])));
    assert_eq!(said.headers["www-authenticate"], "Bearer scope=\"x\"");

    // An error that names no request is about this one.
    let waiting = begin(&mut leaf, call(2));
    let body = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request"}}"#;
    server.post(&call_text(2)).await.say(400, "application/json", body);
    let reply = soon(waiting).await.unwrap().unwrap();
    assert_eq!(text(reply.as_one().unwrap()), body.replace("null", "2"));
    assert_eq!(leaf.era(), None);
}

#[tokio::test(start_paused = true)]
async fn each_bad_answer_is_one_clear_error() {
    type Judge = fn(&Error) -> bool;
    let html = "<html>Internal error</html>";
    let cases: [(u16, &str, String, Judge); 13] = [
        (500, "text/html", html.into(), Error::is_closed),
        (502, "application/json", "{}".into(), Error::is_closed),
        (503, "", String::new(), Error::is_busy),
        (429, "", String::new(), Error::is_busy),
        (504, "", String::new(), Error::is_timeout),
        (301, "", String::new(), Error::is_invalid),
        (200, "text/html", html.into(), Error::is_invalid),
        (202, "", String::new(), Error::is_invalid),
        (200, "application/json", "{\"jsonrpc\":\"2.0\",".into(), Error::is_invalid),
        (200, "application/json", done(2), Error::is_invalid),
        (200, "application/json", call_text(1), Error::is_invalid),
        (200, "application/json", format!("\"{}\"", "x".repeat(300)), Error::is_too_large),
        (200, "text/event-stream", format!("data: \"{}\"\n\n", "x".repeat(300)), Error::is_too_large),
    ];
    let scan = shadowcat::ScanOptions::new().max_bytes(256);
    let (mut leaf, mut server) = upstream_with(Options::new().scan(scan).era(Era::Legacy));
    for (status, kind, body, judge) in cases {
        let waiting = begin(&mut leaf, call(1));
        server.post(&call_text(1)).await.say(status, kind, body.clone());
        let error = soon(waiting).await.unwrap().unwrap_err();
        assert!(
            judge(&error) && !error.is_unsent() && !error.is_session_lost(),
            "{status} {kind}: {error:?}"
        );
        assert!(!error.to_string().contains("html>"), "{error}");
        // What the server said is there for whoever may hand it on.
        let said = error.extensions().get::<Said>().map(|said| (said.status.as_u16(), said.body.clone()));
        let is_answer = status == 200 && kind != "text/html";
        assert_eq!(said, (!is_answer).then(|| (status, Some(body.into()))));
        // A request that is over is over, but the server may be at one that it did not answer.
        while let Ok(Some(asked)) = tokio::time::timeout(Duration::from_millis(5), server.next()).await {
            assert_eq!(asked.body, cancelled(1));
            asked.status(202);
        }
    }
    let waiting = begin(&mut leaf, call(1));
    server.post(&call_text(1)).await.json(done(1));
    drop(soon(waiting).await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_is_endless_or_silent_ends_in_time() {
    let (mut leaf, mut server) = upstream_with(Options::new().timeout(Duration::from_secs(10)));
    let begun = tokio::time::Instant::now();
    let elapsed = || begun.elapsed().as_secs();
    // No head.
    let waiting = begin(&mut leaf, call(1));
    let asked = server.post(&call_text(1)).await;
    assert!(soon(waiting).await.unwrap().unwrap_err().is_timeout());
    assert_eq!(elapsed(), 10);
    asked.abandoned().await;
    server.post(&cancelled(1)).await.status(202);
    // Half an event, drop by drop.
    let waiting = begin(&mut leaf, call(2));
    let mut events = server.post(&call_text(2)).await.events();
    for _ in 0..9 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        events.raw("data: x\n");
    }
    assert!(soon(waiting).await.unwrap().unwrap_err().is_timeout());
    assert_eq!(elapsed(), 20);
    server.post(&cancelled(2)).await.status(202);
    // A comment is a sign of life.
    let waiting = begin(&mut leaf, call(3));
    let mut events = server.post(&call_text(3)).await.events();
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_secs(9)).await;
        events.raw(": still here\n\n");
    }
    events.say(done(3));
    drop(soon(waiting).await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_never_left_may_be_retried() {
    let (mut leaf, mut server) = upstream();
    let waiting = begin(&mut leaf, call(1));
    let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    server.post(&call_text(1)).await.break_off(refused);
    let error = soon(waiting).await.unwrap().unwrap_err();
    assert!(error.is_closed() && error.is_unsent(), "{error:?}");
    server.hears_nothing().await; // nothing to cancel

    let waiting = begin(&mut leaf, call(2));
    let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    server.post(&call_text(2)).await.break_off(reset);
    let error = soon(waiting).await.unwrap().unwrap_err();
    assert!(error.is_closed() && !error.is_unsent(), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn more_calls_than_allowed_are_refused_and_a_stopped_leaf_fails_all() {
    let (mut leaf, mut server) = upstream_with(Options::new().max_pending(2));
    let (first, second) = (begin(&mut leaf, call(1)), begin(&mut leaf, call(2)));
    let (_one, _two) = (server.asked().await, server.asked().await);
    let busy = soon(leaf.call(call(3))).await.unwrap_err();
    assert!(busy.is_busy() && busy.is_unsent());
    leaf.stop(Error::limit_exceeded("enough"));
    for waiting in [first, second] {
        assert!(soon(waiting).await.unwrap().unwrap_err().is_limit_exceeded());
    }
    assert!(soon(leaf.call(call(4))).await.unwrap_err().is_limit_exceeded());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_only_lets_wait_is_a_timeout() {
    let (mut leaf, mut server) = upstream_with(Options::new().timeout(Duration::from_secs(10)));
    let _stream = open_session(&mut leaf, &mut server).await;
    let begun = tokio::time::Instant::now();
    // It ends each stream without a word, or with no more than a greeting.
    let waiting = begin(&mut leaf, call(1));
    let mut events = server.post(&call_text(1)).await.events();
    events.raw("id: p\nretry: 900\ndata:\n\n");
    drop(events);
    for _ in 0..11 {
        server.get().await.events().raw(": welcome\n\n");
    }
    assert!(soon(waiting).await.unwrap().unwrap_err().is_timeout());
    assert_eq!(begun.elapsed().as_secs(), 9);
    server.post(&cancelled(1)).await.status(202);
    // It wants to be asked again later than anybody waits.
    let waiting = begin(&mut leaf, call(2));
    let mut events = server.post(&call_text(2)).await.events();
    events.raw("id: p\nretry: 3600000\ndata:\n\n");
    drop(events);
    assert!(soon(waiting).await.unwrap().unwrap_err().is_timeout());
    server.post(&cancelled(2)).await.status(202);
    server.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_kept_alive_by_comments_is_taken_up_when_it_breaks() {
    let (mut leaf, mut server) = upstream();
    open_session(&mut leaf, &mut server).await.status(405);
    let waiting = begin(&mut leaf, call(1));
    let mut events = server.post(&call_text(1)).await.events();
    events.raw("id: p\ndata:\n\n");
    for _ in 0..9 {
        tokio::time::sleep(Duration::from_secs(15)).await;
        events.raw(": still here\n\n");
    }
    events.break_off();
    let again = server.get().await;
    assert_eq!(again.header("last-event-id"), Some("p"));
    let mut events = again.events();
    // And so again.
    for _ in 0..9 {
        tokio::time::sleep(Duration::from_secs(15)).await;
        events.raw(": still here\n\n");
    }
    events.break_off();
    let mut events = server.get().await.events();
    events.say(done(1));
    assert_eq!(text(soon(waiting).await.unwrap().unwrap().as_one().unwrap()), done(1));
    server.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_has_not_noticed_that_a_stream_broke_is_asked_again() {
    let (mut leaf, mut server) = upstream();
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    let mut events = open_session(&mut leaf, &mut server).await.events();
    events.raw("id: a\ndata:\n\n");
    events.break_off();
    let begun = tokio::time::Instant::now();
    for _ in 0..8 {
        server.get().await.status(409);
    }
    assert!(begun.elapsed() >= Duration::from_secs(10), "each time it waits longer");
    let again = server.get().await;
    assert_eq!(again.header("last-event-id"), Some("a"));
    again.events().say(note("notifications/a"));
    assert_eq!(next(&mut listen).await, note("notifications/a"));

    // The same of an answer.
    let (mut leaf, mut server) = upstream();
    let stream = open_session(&mut leaf, &mut server).await;
    stream.status(405);
    let waiting = begin(&mut leaf, call(1));
    let mut events = server.post(&call_text(1)).await.events();
    events.raw("id: p\ndata:\n\n");
    events.break_off();
    server.get().await.status(409);
    let mut events = server.get().await.events();
    events.say(done(1));
    assert_eq!(text(soon(waiting).await.unwrap().unwrap().as_one().unwrap()), done(1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_session_tells_what_the_server_said() {
    let gone = r#"{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}"#;
    let said = |error: &Error| {
        let said = error.extensions().get::<Said>().expect("it is told");
        (said.status.as_u16(), said.body.clone())
    };
    let (mut leaf, mut server) = upstream();
    let _stream = open_session(&mut leaf, &mut server).await;
    let waiting = begin(&mut leaf, call(1));
    server.post(&call_text(1)).await.say(404, "application/json", gone);
    let error = soon(waiting).await.unwrap().unwrap_err();
    assert!(error.is_session_lost());
    assert_eq!(said(&error), (404, Some(gone.into())));

    // What gets no answer.
    let (mut leaf, mut server) = upstream();
    let _stream = open_session(&mut leaf, &mut server).await;
    let waiting = begin(&mut leaf, msg(note("notifications/x")));
    server.post(&note("notifications/x")).await.say(404, "application/json", gone);
    let error = soon(waiting).await.unwrap().unwrap_err();
    assert!(error.is_session_lost());
    assert_eq!(said(&error), (404, Some(gone.into())));
    assert!(soon(leaf.ended()).await.error().is_session_lost());

    // The rest of an answer.
    let (mut leaf, mut server) = upstream();
    let _stream = open_session(&mut leaf, &mut server).await;
    let waiting = begin(&mut leaf, call(1));
    let mut events = server.post(&call_text(1)).await.events();
    events.raw("id: p\ndata:\n\n");
    events.break_off();
    server.get().await.say(404, "application/json", gone);
    let error = soon(waiting).await.unwrap().unwrap_err();
    assert!(error.is_session_lost());
    assert_eq!(said(&error), (404, None));
}

#[tokio::test(start_paused = true)]
async fn what_is_neither_json_nor_events_and_has_no_end_is_not_waited_for() {
    let (mut leaf, mut server) = upstream();
    let waiting = begin(&mut leaf, call(1));
    let begun = tokio::time::Instant::now();
    let (_more, body) = futures::channel::mpsc::channel::<std::io::Result<bytes::Bytes>>(1);
    server.post(&call_text(1)).await.say(200, "text/plain", axum::body::Body::from_stream(body));
    let error = soon(waiting).await.unwrap().unwrap_err();
    let said = error.extensions().get::<Said>().unwrap();
    assert!(error.is_invalid() && said.status == 200 && said.body.is_none(), "{error:?}");
    assert!(begun.elapsed() <= Duration::from_secs(2));
}
