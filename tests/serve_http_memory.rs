//! What an idle session costs the front end on HTTP: connections are the HTTP library's, and what is behind the stack
//! the stack's.

#![cfg(all(feature = "http", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod front;
mod support;

use std::fs;
use std::io::Write;

use front::{AGREED, Events, INITIALIZE, body, endpoint, get, post, send};
use http::StatusCode;
use shadowcat::serve::http::{Http, SessionInfo};
use shadowcat::session::MemoryStore;
use shadowcat::{Error, JsonRpcMessage, Reply, ReplySender, serve};
use support::{call_text, note};
use tokio::sync::mpsc;
use tower::service_fn;

const SESSIONS: usize = 4000;
/// KiB for each.
const MOST: f64 = 24.0;

/// Bytes of this process that are in memory.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0
}

/// Sessions whose server says nothing unasked for as long as the receiver is there.
fn quiet() -> (Http, mpsc::Receiver<ReplySender>) {
    let (listens, kept) = mpsc::channel(2 * SESSIONS);
    let make = service_fn(move |_: SessionInfo| {
        let listens = listens.clone();
        let stack = service_fn(move |message: JsonRpcMessage| {
            let reply = if message.is_session_listen() {
                let (sender, reply) = Reply::channel(1);
                listens.try_send(sender).unwrap();
                reply
            } else {
                message.responder().result(AGREED).unwrap().map_or_else(Reply::empty, Reply::one)
            };
            std::future::ready(Ok::<_, Error>(reply))
        });
        std::future::ready(Ok::<_, Error>(stack))
    });
    let store = MemoryStore::new().max_sessions(2 * SESSIONS).max_per_principal(2 * SESSIONS);
    (serve::http(endpoint()).sessions(make).store(store).build(), kept)
}

/// A session that was used, and whose client now waits for what the server says.
async fn begin(http: &Http) -> Events {
    let opened = send(http, post(None, INITIALIZE)).await;
    let session = opened.headers()["mcp-session-id"].to_str().unwrap().to_owned();
    assert!(body(opened).await.contains("result"));
    let told = send(http, post(Some(&session), note("notifications/initialized"))).await;
    assert_eq!(told.status(), StatusCode::ACCEPTED);
    assert!(body(send(http, post(Some(&session), call_text(1))).await).await.contains("result"));
    let mut events = Events::of(send(http, get(&session)).await);
    assert!(futures::poll!(std::future::poll_fn(|cx| events.poll_next(cx))).is_pending());
    events
}

#[tokio::test]
async fn an_idle_session_costs_little_its_stream_included() {
    let (http, kept) = quiet();
    let mut streams = Vec::with_capacity(2 * SESSIONS);
    for _ in 0..100 {
        streams.push(begin(&http).await); // what all sessions share is there
    }
    let before = resident();
    for _ in 0..SESSIONS {
        streams.push(begin(&http).await);
    }
    let each = (resident() - before) / SESSIONS as f64 / 1024.0;
    let report = format!("an idle session on HTTP: {each:.1} KiB, its stack and its stream included");
    let _ = writeln!(std::io::stderr(), "{report}");
    assert_eq!((http.sessions().len(), kept.len()), (100 + SESSIONS, 100 + SESSIONS));
    assert!(each <= MOST, "{report}");
}
