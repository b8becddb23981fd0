//! What the debugger shows.

use std::time::Duration;

use futures::StreamExt;
use serde_json::Value;
use shadowcat::layer::DebugLayer;
use shadowcat::layer::debug::{Debugger, Options};
use shadowcat::{Error, JsonRpcMessage, Reply};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::debugged::*;
use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_snapshot_shows_what_is_in_flight_and_a_cancelled_call_leaves_at_once() {
    let debugger = Debugger::new();
    let (sender, reply) = Reply::channel(4);
    let mut reply = Some(reply);
    let mut stack =
        DebugLayer::new(&debugger).layer(leaf(move |_| std::future::ready(Ok(reply.take().unwrap()))));
    let mut reply = run(&mut stack, secret_call()).await.unwrap();
    sender.try_send(msg(progress(1, 1))).unwrap();
    assert!(next(&mut reply).await.contains("progress"), "read before the next one is there");
    tokio::time::advance(Duration::from_secs(3)).await;

    let snapshot = debugger.snapshot();
    let [waiting] = &snapshot.in_flight[..] else { panic!("{snapshot}") };
    assert_eq!((waiting.session.as_deref(), waiting.tool.as_deref()), (Some("s-1"), Some("t1")));
    assert_eq!((waiting.items, waiting.age), (1, Duration::from_secs(3)));
    assert_eq!(waiting.received_bytes, progress(1, 1).len() as u64);
    assert!(snapshot.to_string().contains(r#"s-1 "a" tools/call tool=t1 for 3.0s"#), "{snapshot}");
    let json: Value = serde_json::from_str(&snapshot.to_json()).unwrap();
    assert_eq!(json["in_flight"][0]["id"], "a");

    drop(reply);
    let after = debugger.snapshot();
    assert!(after.in_flight.is_empty());
    assert_eq!((after.totals.requests, after.totals.cancelled), (1, 1));
    let times = after.method("tools/call").unwrap();
    assert_eq!((times.cancelled, times.whole.count(), times.first.count()), (1, 0, 1));
    let session = &after.sessions[0];
    assert_eq!((session.session.as_deref(), session.requests, session.received), (Some("s-1"), 1, 1));
}

#[tokio::test]
async fn a_future_that_is_dropped_is_a_cancelled_call() {
    let (debugger, out) = logging(|log| log);
    let mut stack =
        DebugLayer::new(&debugger).layer(service_fn(|_| std::future::pending::<Result<Reply, Error>>()));
    let calling = stack.call(call(1));
    assert_eq!(debugger.snapshot().in_flight.len(), 1);
    drop(calling);
    assert_eq!((debugger.snapshot().in_flight.len(), debugger.snapshot().totals.cancelled), (0, 1));
    soon(debugger.flushed()).await;
    assert!(out.lines()[1].contains("-- 1 cancelled tools/call tool=t"), "{}", out.text());
}

#[tokio::test]
async fn what_breaks_is_written_without_what_it_says() {
    let (debugger, out) = logging(|log| log);
    let mut failing =
        DebugLayer::new(&debugger).layer(service_fn(|_| async { Err::<Reply, _>(Error::closed("s3cret")) }));
    assert!(run(&mut failing, call(1)).await.unwrap_err().is_closed());
    let mut mute = DebugLayer::new(&debugger).layer(service_fn(|_| async { Ok::<_, Error>(Reply::empty()) }));
    let _ = run(&mut mute, call(2)).await.unwrap();
    soon(debugger.flushed()).await;
    let lines = out.lines();
    assert!(lines[1].contains("-- 1 failed: closed tools/call"), "{lines:#?}");
    assert!(lines[3].contains("-- 2 ended without a response"), "{lines:#?}");
    assert!(!out.text().contains("s3cret"));
    assert_eq!(debugger.snapshot().totals.failed, 2);
}

#[tokio::test(start_paused = true)]
async fn times_are_told_for_each_method() {
    let debugger = Debugger::new();
    let mut stack = DebugLayer::new(&debugger).layer(service_fn(|message: JsonRpcMessage| async move {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let response = msg(done(message.id().unwrap()));
        let later = async move {
            tokio::time::sleep(Duration::from_millis(90)).await;
            Ok(response)
        };
        let first = futures::stream::iter([Ok(msg(progress(1, 1)))]);
        Ok::<_, Error>(Reply::stream(first.chain(futures::stream::once(later))))
    }));
    for id in 0..10 {
        let _ = rest(run(&mut stack, call(id)).await.unwrap()).await;
    }
    let snapshot = debugger.snapshot();
    let times = snapshot.method("tools/call").unwrap();
    assert_eq!((times.answered, times.first.count(), times.whole.count()), (10, 10, 10));
    let near = |time: Duration, ms: u64| (ms..ms + ms / 8 + 2).contains(&(time.as_millis() as u64));
    assert!(near(times.first.quantile(0.5), 10) && near(times.first.max(), 10), "{:?}", times.first);
    assert!(near(times.whole.quantile(0.99), 100), "{:?}", times.whole);
}

#[tokio::test]
async fn names_of_methods_and_sessions_cannot_fill_the_memory() {
    let debugger = Debugger::new();
    let mut stack = DebugLayer::new(&debugger).layer(service_fn(echo));
    for at in 0..400 {
        let request = JsonRpcMessage::request(1, &format!("m/{at}"), "").unwrap();
        let _ = run(&mut stack, of_session(request, &format!("s-{at}"))).await.unwrap();
    }
    let snapshot = debugger.snapshot();
    assert_eq!(snapshot.methods.len(), 65);
    assert_eq!((snapshot.methods[64].0.as_deref(), snapshot.methods[64].1.answered), (None, 336));
    assert_eq!((snapshot.sessions.len(), snapshot.sessions_forgotten), (256, 144));
    assert_eq!(snapshot.totals.answered, 400);
}

#[tokio::test]
async fn a_listen_is_shown_and_not_timed() {
    let (debugger, out) = logging(|log| log);
    let mut stack = DebugLayer::new(&debugger).layer(service_fn(|_| async {
        let unasked = futures::stream::iter([Ok(msg(note("notifications/message")))]);
        Ok::<_, Error>(Reply::stream(unasked.chain(futures::stream::pending())))
    }));
    let mut reply = run(&mut stack, session_listen()).await.unwrap();
    let _ = next(&mut reply).await;
    assert!(debugger.snapshot().in_flight[0].is_listen);
    drop(reply);
    let snapshot = debugger.snapshot();
    assert!(snapshot.in_flight.is_empty() && snapshot.methods.is_empty());
    assert_eq!((snapshot.totals.requests, snapshot.totals.cancelled), (0, 0));
    soon(debugger.flushed()).await;
    assert!(out.lines()[0].contains("<- \"l\" notification notifications/message"), "{}", out.text());
}

#[tokio::test]
async fn components_are_learned_from_what_passes() {
    let debugger = Debugger::start(Options::new().learn_components()).unwrap();
    let listed = r#""result":{"content":[{"type":"text","text":"{\"components\":[{\"id\":\"fs\",\"tools_count\":1,\"schema\":{\"tools\":[{\"name\":\"read\"}]}}],\"total\":1}"}]}"#;
    let mut stack = DebugLayer::new(&debugger).layer(answering(listed));
    let list =
        JsonRpcMessage::request(1, "tools/call", r#"{"name":"list-components","arguments":{}}"#).unwrap();
    let _ = rest(run(&mut stack, list).await.unwrap()).await;
    let snapshot = debugger.snapshot();
    assert!(snapshot.components.as_ref().unwrap().component("fs").is_some());
    assert!(snapshot.to_string().contains("components: 1\n  fs: read\n"), "{snapshot}");
}

#[tokio::test]
async fn a_service_that_is_no_clone_will_do() {
    let debugger = Debugger::new();
    let mut stack = ServiceBuilder::new()
        .layer(DebugLayer::new(&debugger))
        .rate_limit(5, Duration::from_secs(1))
        .service(service_fn(echo));
    let _ = stack.ready().await.unwrap().call(call(1)).await.unwrap();
    assert_eq!(debugger.snapshot().totals.answered, 1);
}
