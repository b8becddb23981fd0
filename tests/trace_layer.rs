//! What `TraceLayer` writes, and what it never does.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use futures::{StreamExt, stream};
use shadowcat::layer::TraceLayer;
use shadowcat::{Context, Direction, Error, JsonRpcMessage, Reply};
use support::{call, done, echo, leaf, msg, note, poll_once, run};
use tower::{Layer, Service, service_fn};
use tracing::Level;
use tracing::subscriber::DefaultGuard;

/// What was logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self) -> Vec<String> {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
    }

    /// The only line so far; forgets it.
    fn line(&self) -> String {
        let lines = self.lines();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        self.0.lock().unwrap().clear();
        lines[0].clone()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Captures on this thread until the guard is dropped.
fn capture(level: Level) -> (Log, DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

const SECRET: &str = "s3cret";

fn secret_call() -> JsonRpcMessage {
    let text = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"t\u0031","arguments":{"x":"s3cret"}}}"#;
    msg(text).with_context(Arc::new(Context::new(Direction::ToUpstream).session("s-1")))
}

fn answering(json: &'static str) -> impl Service<JsonRpcMessage, Response = Reply, Error = Error> {
    TraceLayer::new().layer(service_fn(move |message: JsonRpcMessage| async move {
        let id = message.id().unwrap().to_string();
        Ok(Reply::one(msg(format!(r#"{{"jsonrpc":"2.0","id":{id},{json}}}"#))))
    }))
}

#[tokio::test]
async fn a_request_is_a_span_and_its_end_an_event() {
    let (log, _guard) = capture(Level::INFO);
    let _ = run(&mut answering(r#""result":{"x":"s3cret"}"#), secret_call()).await.unwrap();
    let line = log.line();
    for part in [
        "INFO",
        "shadowcat::mcp",
        "mcp{",
        r#"method="tools/call""#,
        r#"tool="t1""#,
        r#"id="\"a\"""#,
        r#"direction="to_upstream""#,
        r#"session="s-1""#,
        r#"outcome="ok""#,
        "messages=1",
        "duration_us=",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(!line.contains(SECRET));
}

#[tokio::test]
async fn outcomes_are_told_apart() {
    let (log, _guard) = capture(Level::INFO);
    for (answer, outcome) in [
        (r#""result":{"content":[],"isError":false}"#, "ok"),
        (r#""result":{"isError":true,"content":["s3cret"]}"#, "tool_error"),
        (r#""error":{"code":-1,"message":"s3cret"}"#, "error"),
    ] {
        let _ = run(&mut answering(answer), call(1)).await.unwrap();
        let line = log.line();
        assert!(line.contains(&format!("outcome=\"{outcome}\"")) && !line.contains(SECRET), "{line}");
    }
}

#[tokio::test]
async fn what_is_dropped_is_cancelled_and_what_breaks_has_failed() {
    let (log, _guard) = capture(Level::INFO);
    let cancelled = |line: String, messages| {
        assert!(
            line.contains(r#"outcome="cancelled""#) && line.contains(&format!("messages={messages}")),
            "{line}"
        );
    };
    let mut hanging = TraceLayer::new().layer(service_fn(|_| std::future::pending::<Result<Reply, Error>>()));
    drop(hanging.call(call(1)));
    cancelled(log.line(), 0);
    let mut pending = Box::pin(hanging.call(call(1)));
    assert!(poll_once(pending.as_mut()).is_pending());
    drop(pending);
    cancelled(log.line(), 0);

    let mut begun = TraceLayer::new().layer(service_fn(|_| async {
        Ok::<_, Error>(Reply::stream(stream::iter([Ok(msg(note("n")))]).chain(stream::pending())))
    }));
    let mut reply = run(&mut begun, call(1)).await.unwrap();
    reply.next().await.unwrap().unwrap();
    drop(reply);
    cancelled(log.line(), 1);

    let mut failing =
        TraceLayer::new().layer(service_fn(|_| async { Err::<Reply, _>(Error::closed(SECRET)) }));
    assert!(run(&mut failing, call(1)).await.unwrap_err().is_closed(), "the error passes through");
    let line = log.line();
    assert!(line.contains(r#"outcome="failed""#) && !line.contains(SECRET), "{line}");
    let mut later = TraceLayer::new().layer(service_fn(|_| async {
        Ok::<_, Error>(Reply::stream(stream::iter([Err(Error::closed(SECRET))])))
    }));
    let mut reply = run(&mut later, call(1)).await.unwrap();
    assert!(reply.next().await.unwrap().is_err());
    drop(reply);
    assert!(log.line().contains(r#"outcome="failed""#));
}

#[tokio::test]
async fn a_reply_that_ends_without_a_response_is_not_called_cancelled() {
    let (log, _guard) = capture(Level::INFO);
    let mut mute = TraceLayer::new().layer(service_fn(|_| async { Ok::<_, Error>(Reply::empty()) }));
    let _ = run(&mut mute, call(1)).await.unwrap();
    assert!(!log.line().contains("cancelled"), "nobody cancelled it");
}

#[tokio::test]
async fn what_passes_both_ways_is_seen_at_debug_level_without_its_payload() {
    let (log, _guard) = capture(Level::DEBUG);
    let log_line = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"s3cret"}}"#;
    let mut stack = TraceLayer::new().layer(service_fn(move |message: JsonRpcMessage| async move {
        match message.responder().id() {
            Some(_) => Ok(Reply::stream(stream::iter([Ok(msg(log_line)), Ok(msg(done("\"a\"")))]))),
            None => echo(message).await,
        }
    }));
    let reply = run(&mut stack, secret_call()).await.unwrap();
    assert_eq!(reply.collect(9999).await.unwrap().len(), 2);
    let _ = run(&mut stack, msg(note("notifications/initialized"))).await.unwrap();
    let _ = run(&mut stack, msg(r#"{"jsonrpc":"2.0","id":7,"result":{"roots":"s3cret"}}"#)).await.unwrap();
    let lines = log.lines();
    let has = |parts: &[&str]| lines.iter().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(has(&["notifications/message", "to_client", "mcp{"]), "{lines:#?}");
    assert!(has(&["notifications/initialized", "to_upstream"]), "{lines:#?}");
    assert!(has(&["kind=Response", "to_upstream"]), "{lines:#?}");
    assert!(has(&["outcome=\"ok\"", "messages=2"]), "{lines:#?}");
    assert_eq!(lines.len(), 4);
    assert!(!has(&[SECRET]));
}

#[tokio::test]
async fn where_nobody_listens_a_reply_passes_untouched() {
    let (log, _guard) = capture(Level::WARN);
    let (sender, reply) = Reply::channel(1);
    let replies = Mutex::new(Some(reply));
    let mut stack = TraceLayer::new().layer(leaf(move |_| {
        let reply = replies.lock().unwrap().take().unwrap();
        async { Ok(reply) }
    }));
    let reply = run(&mut stack, call(1)).await.unwrap();
    assert!(format!("{reply:?}").contains("channel"), "not wrapped: {reply:?}");
    drop((sender, reply));
    assert!(log.lines().is_empty());
}
