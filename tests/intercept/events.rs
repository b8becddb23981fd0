//! Monitoring hooks: what is told, in which order, and that nobody is held up by who listens.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use shadowcat::layer::EventsLayer;
use shadowcat::layer::events::{Event, Subscription};
use shadowcat::{Context, Direction, Error, JsonRpcMessage, Reply, connect, serve};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

#[cfg(feature = "http")]
use crate::front;
use crate::support::*;

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;

/// An event in a few words.
fn word(event: &Event) -> String {
    match event {
        Event::Sent(passed) => format!("sent {}", passed.method().unwrap_or("an answer")),
        Event::Received(passed) => format!("received {}", passed.message().method().unwrap_or("a response")),
        Event::Failed(call) => format!("failed {}", call.message().method().unwrap()),
        Event::Cancelled(call) => format!("cancelled {}", call.message().method().unwrap()),
        Event::SessionCreated(session) => format!("created {}", session.id().unwrap_or("-")),
        Event::SessionClosed(session) => format!("closed {}", session.id().unwrap_or("-")),
        Event::Lost(events) => format!("lost {events}"),
        other => panic!("{other:?}"),
    }
}

async fn told(events: &mut Subscription) -> String {
    word(&soon(events.next()).await.expect("the layer is there"))
}

/// All that is told until the layer and its stacks are gone.
async fn all(events: Subscription) -> Vec<String> {
    soon(events.map(|event| word(&event)).collect()).await
}

fn named(message: JsonRpcMessage, session: &str) -> JsonRpcMessage {
    message.with_context(Arc::new(Context::new(Direction::ToUpstream).session(session)))
}

#[tokio::test]
async fn what_passes_is_told_in_order_with_its_request() {
    let events = EventsLayer::new();
    let mut told = events.subscribe(64);
    let mut stack = events.layer(service_fn(|message: JsonRpcMessage| async move {
        let response = msg(done(message.id().unwrap()));
        Ok::<_, Error>(Reply::stream(futures::stream::iter([Ok(msg(progress(1, 1))), Ok(response)])))
    }));
    let call = named(call(7), "s-1");
    assert_eq!(rest(run(&mut stack, call.clone()).await.unwrap()).await.len(), 2);
    let Some(Event::Sent(sent)) = told.next().await else { panic!() };
    assert_eq!((sent.message(), sent.direction(), sent.request()), (&call, Direction::ToUpstream, None));
    assert_eq!((sent.session_id(), sent.elapsed()), (Some("s-1"), Duration::ZERO));
    for method in ["notifications/progress", "tools/call"] {
        let Some(Event::Received(received)) = told.next().await else { panic!() };
        assert_eq!((received.method(), received.request()), (Some(method), Some(&call)));
        assert_eq!((received.session_id(), received.direction()), (Some("s-1"), Direction::ToClient));
    }
}

#[tokio::test]
async fn failures_and_cancellations_are_told_once() {
    let events = EventsLayer::new();
    let mut told = events.subscribe(64);
    let mut failing = events.layer(service_fn(|_| async { Err::<Reply, _>(Error::timeout("slow")) }));
    assert!(run(&mut failing, call(1)).await.unwrap_err().is_timeout(), "the error passes through");
    assert_eq!(word(&told.next().await.unwrap()), "sent tools/call");
    let Some(Event::Failed(failed)) = told.next().await else { panic!() };
    assert!(failed.error().unwrap().is_timeout());
    // The same where a stock layer made it a box.
    let mut boxed = ServiceBuilder::new()
        .layer(events.clone())
        .timeout(Duration::from_secs(60))
        .service(service_fn(|_| async { Err::<Reply, _>(Error::closed("gone")) }));
    assert!(boxed.ready().await.unwrap().call(call(1)).await.is_err());
    assert_eq!(word(&told.next().await.unwrap()), "sent tools/call");
    let Some(Event::Failed(failed)) = told.next().await else { panic!() };
    assert!(failed.error().unwrap().is_closed());

    let mut mute = events.layer(service_fn(|_| async { Ok::<_, Error>(Reply::empty()) }));
    let _ = run(&mut mute, call(2)).await.unwrap();
    let _ = run(&mut mute, msg(note("notifications/initialized"))).await.unwrap();
    let mut hanging = events.layer(service_fn(|_| std::future::pending::<Result<Reply, Error>>()));
    drop(hanging.call(call(3)));
    let mut open =
        events.layer(service_fn(|_| async { Ok::<_, Error>(Reply::stream(futures::stream::pending())) }));
    drop(run(&mut open, call(4)).await.unwrap());
    drop(run(&mut open, session_listen()).await.unwrap());
    drop((events, failing, boxed, mute, hanging, open));
    let expected = [
        "sent tools/call",
        "failed tools/call",
        "sent notifications/initialized",
        "sent tools/call",
        "cancelled tools/call",
        "sent tools/call",
        "cancelled tools/call",
    ];
    assert_eq!(all(told).await, expected);
}

#[tokio::test]
async fn a_slow_subscriber_loses_events_and_is_told_how_many_where_they_are_missing() {
    let events = EventsLayer::new();
    let mut slow = events.subscribe(3);
    let quick = events.subscribe(100);
    let mut stack = events.layer(service_fn(echo));
    for id in 0..5 {
        let _ = soon(run(&mut stack, call(id))).await.unwrap();
    }
    let heard = [told(&mut slow).await, told(&mut slow).await, told(&mut slow).await];
    assert_eq!(heard, ["sent tools/call", "received a response", "sent tools/call"]);
    let _ = run(&mut stack, msg(note("notifications/x"))).await.unwrap();
    drop((events, stack));
    assert_eq!(all(slow).await, ["lost 7", "sent notifications/x"]);
    let quick = all(quick).await;
    assert_eq!((quick.len(), quick.iter().any(|word| word.starts_with("lost"))), (11, false));
}

#[tokio::test]
async fn where_nobody_listens_a_reply_passes_untouched() {
    let events = EventsLayer::new();
    let subscription = events.subscribe(8);
    drop(subscription);
    let mut stack = events.layer(leaf(|_| async { Ok(Reply::channel(1).1) }));
    let _ = run(&mut stack, call(1)).await.unwrap();
    let reply = run(&mut stack, call(2)).await.unwrap();
    assert!(format!("{reply:?}").contains("channel"), "not wrapped: {reply:?}");
}

#[tokio::test]
async fn a_callback_that_blocks_or_panics_harms_only_itself() {
    let events = EventsLayer::new();
    let (open, may) = sync_channel::<()>(0);
    let blocked = events.on(move |_| may.recv().unwrap_or_default()).unwrap();
    let panicking = events.on(|_| panic!("a callback that panics, as it is to")).unwrap();
    let (heard, hears) = sync_channel(1000);
    let _hook = events.on(move |event| heard.send(word(event)).unwrap()).unwrap();
    let mut stack = events.layer(service_fn(echo));
    for id in 0..10 {
        let _ = soon(run(&mut stack, call(id))).await.unwrap();
    }
    drop((events, stack));
    let words: Vec<_> = tokio::task::spawn_blocking(move || hears.iter().collect()).await.unwrap();
    assert_eq!(words.len(), 20);
    soon(async {
        while panicking.panics() < 20 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!((blocked.panics(), blocked.lost()), (0, 0));
    drop(open);
}

#[tokio::test]
async fn a_removed_callback_is_not_called_again() {
    let events = EventsLayer::new();
    let calls = Arc::new(Mutex::new(0));
    let (counted, (told, tells)) = (calls.clone(), sync_channel(10));
    let hook = events
        .on(move |_| {
            *counted.lock().unwrap() += 1;
            told.send(()).unwrap();
        })
        .unwrap();
    let mut stack = events.layer(service_fn(echo));
    let _ = run(&mut stack, msg(note("notifications/x"))).await.unwrap();
    let tells = tokio::task::spawn_blocking(move || {
        tells.recv().unwrap();
        tells
    });
    let tells = soon(tells).await.unwrap();
    hook.remove();
    let _ = run(&mut stack, msg(note("notifications/x"))).await.unwrap();
    // The thread is gone, and what the callback held with it.
    assert!(soon(tokio::task::spawn_blocking(move || tells.recv())).await.unwrap().is_err());
    assert_eq!(*calls.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_session_on_stdio_begins_with_its_handshake_and_ends_with_the_front_end() {
    let events = EventsLayer::new();
    let mut heard = events.subscribe(64);
    let (mut server, read, write) = peer(1 << 16);
    let stack = ServiceBuilder::new().layer(events).service(connect::pipe(read, write));
    let (mut client, read, write) = peer(1 << 16);
    let serving = tokio::spawn(serve::stdio(stack).session("s-1").run_on(read, write));
    client.say(INITIALIZE).await;
    server.hear().await.unwrap();
    server.say(r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}}"#).await;
    client.hear().await.unwrap();
    client.say(call_text(1)).await;
    server.hear().await.unwrap();
    let mut words = Vec::new();
    while words.last().is_none_or(|last| last != "sent tools/call") {
        words.push(told(&mut heard).await);
    }
    assert_eq!(words, ["sent initialize", "created s-1", "received a response", "sent tools/call"]);
    serving.abort();
    assert_eq!(all(heard).await, ["cancelled tools/call", "closed s-1"]);
}

#[tokio::test]
async fn a_session_that_is_refused_was_none() {
    let events = EventsLayer::new();
    let heard = events.subscribe(64);
    let mut stack = events.layer(service_fn(|message: JsonRpcMessage| async move {
        Ok::<_, Error>(Reply::refuse(&message, shadowcat::Code::INVALID_PARAMS, "no"))
    }));
    let _ = run(&mut stack, msg(INITIALIZE)).await.unwrap();
    drop((events, stack));
    assert_eq!(all(heard).await, ["sent initialize", "received a response"]);
}

#[tokio::test]
async fn clones_of_a_stack_are_one_and_a_session_is_told_of_once() {
    let events = EventsLayer::new();
    let heard = events.subscribe(64);
    let mut stack = events.layer(service_fn(echo));
    let mut clone = stack.clone();
    for session in ["a", "a", "b"] {
        let _ = run(&mut clone, named(msg(INITIALIZE), session)).await.unwrap();
    }
    drop(clone);
    let _ = run(&mut stack, msg(note("notifications/x"))).await.unwrap();
    drop((events, stack));
    let sessions: Vec<_> =
        all(heard).await.into_iter().filter(|word| !word.starts_with("received")).collect();
    let expected = [
        "sent initialize",
        "created a",
        "sent initialize",
        "sent initialize",
        "created b",
        "sent notifications/x",
        "closed a",
        "closed b",
    ];
    assert_eq!(sessions, expected);
}

/// Over HTTP, where a front end knows its sessions.
#[cfg(feature = "http")]
mod over_http {
    use super::*;
    use crate::front::{by_hand, endpoint, open, post, send};
    use shadowcat::serve::http::SessionInfo;
    use shadowcat::session::{MemoryStore, SessionId};

    /// The session's name, as it is told.
    fn name(session: &str) -> String {
        SessionId::from_text(session).key().to_string()
    }

    async fn end(http: &serve::Http, session: &str) {
        let delete = front::request("DELETE", Some(session)).body(String::new()).unwrap();
        assert!(send(http, delete).await.status().is_success());
    }

    async fn sessions_of(events: &mut Subscription, count: usize) -> Vec<String> {
        let mut words = Vec::new();
        while words.len() < count {
            let word = told(events).await;
            if word.starts_with("created") || word.starts_with("closed") {
                words.push(word);
            }
        }
        words
    }

    #[tokio::test]
    async fn a_session_ends_with_the_stack_that_was_made_for_it() {
        let events = EventsLayer::new();
        let mut heard = events.subscribe(256);
        let (stack, mut calls) = by_hand();
        let layer = events.clone();
        let make = service_fn(move |_: SessionInfo| {
            let stack = layer.layer(stack.clone());
            async move { Ok::<_, Error>(stack) }
        });
        let http = serve::http(endpoint()).sessions(make).build();
        let (one, two) = (open(&http, &mut calls).await, open(&http, &mut calls).await);
        end(&http, &one).await;
        drop(http);
        let expected = [
            format!("created {}", name(&one)),
            format!("created {}", name(&two)),
            format!("closed {}", name(&one)),
            format!("closed {}", name(&two)),
        ];
        assert_eq!(sessions_of(&mut heard, 4).await, expected);
    }

    #[tokio::test]
    async fn a_store_tells_of_sessions_that_share_a_stack() {
        let events = EventsLayer::new();
        let mut heard = events.subscribe(256);
        let (stack, mut calls) = by_hand();
        let stack = events.layer(stack);
        let make = service_fn(move |_: SessionInfo| {
            let stack = stack.clone();
            async move { Ok::<_, Error>(stack) }
        });
        let http = serve::http(endpoint()).sessions(make).store(events.store(MemoryStore::new())).build();
        let (one, two) = (open(&http, &mut calls).await, open(&http, &mut calls).await);
        end(&http, &one).await;
        assert!(!send(&http, post(Some(&one), call_text(1))).await.status().is_success());
        let expected = [
            format!("created {}", name(&one)),
            format!("created {}", name(&two)),
            format!("closed {}", name(&one)),
        ];
        assert_eq!(sessions_of(&mut heard, 3).await, expected);
        drop(http);
        assert_eq!(sessions_of(&mut heard, 1).await, [format!("closed {}", name(&two))]);
    }
}
