//! The debugger: what its log shows and hides, and what its snapshots say.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use proptest::prelude::*;
use serde_json::Value;
use shadowcat::layer::DebugLayer;
use shadowcat::layer::debug::{Colour, Debugger, Format, Log, Options, Payload};
use shadowcat::{Context, Direction, Error, JsonRpcMessage, Reply};
use support::*;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

/// What was written.
#[derive(Clone, Default)]
struct Out(Arc<Mutex<Vec<u8>>>);

impl Out {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }

    fn objects(&self) -> Vec<Value> {
        self.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logging(change: impl FnOnce(Log) -> Log) -> (Debugger, Out) {
    let out = Out::default();
    let log = change(Log::new(out.clone()));
    (Debugger::start(Options::new().log(log)).unwrap(), out)
}

fn of_session(message: JsonRpcMessage, name: &str) -> JsonRpcMessage {
    message.with_context(Arc::new(Context::new(Direction::ToUpstream).session(name)))
}

fn secret_call() -> JsonRpcMessage {
    let text = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"t\u0031","arguments":{"x":"s3cret","n":4711,"on":true,"list":["s3cret",null]}}}"#;
    of_session(msg(text), "s-1")
}

/// One progress notification, then this.
fn answering(
    json: &'static str,
) -> impl Service<JsonRpcMessage, Response = Reply, Error = Error, Future: Send> + Clone {
    service_fn(move |message: JsonRpcMessage| async move {
        let Some(id) = message.id() else { return Ok(Reply::empty()) };
        let response = msg(format!(r#"{{"jsonrpc":"2.0","id":{id},{json}}}"#));
        Ok(Reply::stream(futures::stream::iter([Ok(msg(progress(1, 1))), Ok(response)])))
    })
}

#[tokio::test]
async fn every_message_is_written_in_both_directions() {
    let (debugger, out) = logging(|log| log);
    let mut stack = DebugLayer::new(&debugger).layer(answering(r#""result":{"x":"s3cret"}"#));
    assert_eq!(rest(run(&mut stack, secret_call()).await.unwrap()).await.len(), 2);
    let _ = run(&mut stack, msg(note("notifications/initialized"))).await.unwrap();
    soon(debugger.flushed()).await;
    let lines = out.lines();
    let expected = [
        r#"-> s-1 "a" request tools/call tool=t1 "#,
        r#"<- s-1 "a" notification notifications/progress tool=t1 "#,
        r#"<- s-1 "a" response tools/call tool=t1 "#,
        "-> - notification notifications/initialized ",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, part) in lines.iter().zip(expected) {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(lines[2].contains(r#"{"x":"<6 bytes>"}"#), "{}", lines[2]);
    assert!(!out.text().contains('\u{1b}'), "no colours where nobody asked for them");
}

#[tokio::test]
async fn payloads_show_their_shape_and_in_full_only_by_choice() {
    let shape = r#"{"name":"<7 bytes>","arguments":{"x":"<6 bytes>","n":"<number>","on":true,"list":["<6 bytes>",null]}}"#;
    let full = r#"{"name":"t1","arguments":{"x":"s3cret","n":4711,"on":true,"list":["s3cret",null]}}"#;
    for (payload, shown) in
        [(Payload::Hidden, None), (Payload::Shape, Some(shape)), (Payload::Full, Some(full))]
    {
        for format in [Format::Human, Format::Json] {
            let (debugger, out) = logging(|log| log.payload(payload).format(format));
            let mut stack =
                DebugLayer::new(&debugger).layer(answering(r#""error":{"code":-1,"message":"s3cret"}"#));
            let _ = rest(run(&mut stack, secret_call()).await.unwrap()).await;
            soon(debugger.flushed()).await;
            let text = out.text();
            assert_eq!(text.contains("s3cret"), payload == Payload::Full, "{text}");
            assert_eq!(text.contains("4711"), payload == Payload::Full, "{text}");
            assert!(shown.is_none_or(|shown| text.contains(shown)), "{shown:?} in {text}");
            assert!(text.contains("error -1"), "{text}");
        }
    }
}

#[tokio::test]
async fn json_lines_have_the_same_facts() {
    let (debugger, out) = logging(|log| log.format(Format::Json));
    let mut stack = DebugLayer::new(&debugger).layer(answering(r#""result":{"isError":true}"#));
    let _ = rest(run(&mut stack, secret_call()).await.unwrap()).await;
    soon(debugger.flushed()).await;
    let [sent, progress, response] = &out.objects()[..] else { panic!("{}", out.text()) };
    assert_eq!((&sent["direction"], &sent["kind"]), (&"to_upstream".into(), &"request".into()));
    assert_eq!((&sent["session"], &sent["id"], &sent["tool"]), (&"s-1".into(), &"a".into(), &"t1".into()));
    assert_eq!(sent["bytes"], secret_call().bytes().len());
    assert_eq!(progress["method"], "notifications/progress");
    assert_eq!((&response["kind"], &response["method"]), (&"tool error".into(), &"tools/call".into()));
    assert!(response["elapsed_us"].is_u64() && sent.get("elapsed_us").is_none());
    assert_eq!(response["payload"]["isError"], true);
}

#[tokio::test]
async fn a_large_record_is_cut_and_says_what_is_left_out() {
    let long = "é".repeat(100_000);
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let many: Vec<_> = (0..5_000).map(|at| format!(r#""k{at}":{at}"#)).collect();
    let payloads = [
        format!(r#"{{"x":"{long}"}}"#),
        format!(r#"{{"{long}":{deep}}}"#),
        format!("{{{}}}", many.join(",")),
        format!(r#"{{"x":[{}]}}"#, vec!["\"\u{202e}\\u001b\""; 9_000].join(",")),
    ];
    for (payload, params) in
        [Payload::Shape, Payload::Full].into_iter().flat_map(|it| payloads.iter().map(move |p| (it, p)))
    {
        for max in [1024, 2048, 5000] {
            let (debugger, out) = logging(|log| log.payload(payload).format(Format::Json).max_record(max));
            let mut stack = DebugLayer::new(&debugger).layer(service_fn(echo));
            let call = JsonRpcMessage::request(1, "x/y", params.clone()).unwrap();
            let _ = run(&mut stack, of_session(call, &long)).await.unwrap();
            soon(debugger.flushed()).await;
            let lines = out.lines();
            assert!(lines[0].len() < max, "{} of {max}", lines[0].len());
            let record: Value = serde_json::from_str(&lines[0]).unwrap();
            // A long key and a short value are short.
            let is_short = params.ends_with("]}") && params.contains("[[") || payload == Payload::Shape;
            assert!(is_short || lines[0].contains("more bytes>"), "{record:#}");
        }
    }
}

/// Tells before each write, and waits until it may.
struct Gate {
    writes: SyncSender<()>,
    may: Receiver<()>,
    out: Out,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writes.try_send(()).map_err(io::Error::other)?;
        self.may.recv().map_err(io::Error::other)?;
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Gated {
    debugger: Debugger,
    writes: Receiver<()>,
    open: SyncSender<()>,
    out: Out,
}

fn gated(records: usize) -> Gated {
    let ((open, may), (writing, writes)) = (sync_channel(1000), sync_channel(1000));
    let out = Out::default();
    let gate = Gate { writes: writing, may, out: out.clone() };
    let log = Log::new(gate).max_queued(records).payload(Payload::Hidden);
    Gated { debugger: Debugger::start(Options::new().log(log)).unwrap(), writes, open, out }
}

#[tokio::test]
async fn a_slow_writer_holds_nothing_up_and_what_it_loses_is_written_in_its_place() {
    let Gated { debugger, writes, open, out } = gated(4);
    let mut stack = DebugLayer::new(&debugger).layer(service_fn(echo));
    let _ = run(&mut stack, call(0)).await.unwrap();
    writes.recv_timeout(NEVER).unwrap(); // one is on its way, one waits
    for id in 1..20 {
        let _ = soon(run(&mut stack, call(id))).await.unwrap();
    }
    assert_eq!(debugger.snapshot().records_lost, 35);
    (0..100).for_each(|_| open.send(()).unwrap());
    soon(debugger.flushed()).await;
    let _ = run(&mut stack, call(99)).await.unwrap();
    soon(debugger.flushed()).await;
    let lines = out.lines();
    assert_eq!(lines[5], "35 records lost", "{lines:#?}");
    assert!(lines[6].contains("-> 99 request"), "{lines:#?}");
}

#[tokio::test]
async fn a_writer_that_fails_ends_the_log_and_nothing_else() {
    let Gated { debugger, open, .. } = gated(1000);
    drop(open);
    let mut stack = DebugLayer::new(&debugger).layer(service_fn(echo));
    let _ = run(&mut stack, call(1)).await.unwrap();
    soon(debugger.flushed()).await;
    let _ = run(&mut stack, call(2)).await.unwrap();
    soon(debugger.flushed()).await;
    assert_eq!(debugger.snapshot().totals.answered, 2);
    assert!(debugger.snapshot().records_lost >= 2);
}

#[tokio::test]
async fn colours_are_there_when_they_are_asked_for() {
    let (debugger, out) = logging(|log| log.colour(Colour::Always));
    let mut stack = DebugLayer::new(&debugger).layer(service_fn(echo));
    let _ = run(&mut stack, call(1)).await.unwrap();
    soon(debugger.flushed()).await;
    assert!(out.text().contains("\u{1b}[1mrequest\u{1b}[0m"), "{}", out.text());
}

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

/// What a terminal does not just show.
fn is_raw(c: char) -> bool {
    c != '\n' && c.is_control()
        || matches!(c, '\u{AD}' | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}')
        || matches!(c, '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

fn hostile_text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "\u{1b}[2J",
        "\u{1b}]0;x\u{7}",
        "\u{9b}31m",
        "\u{202e}",
        "\u{2066}",
        "\u{7f}",
        "\u{0}",
        "\r\n",
        "\u{e0041}",
        "\u{200d}",
        "\"",
        "\\",
        "{",
        "]",
        ",",
        "é",
    ]);
    prop::collection::vec(
        prop_oneof![odd.prop_map(str::to_owned), "[a-z]{0,5}", any::<char>().prop_map(String::from)],
        0..6,
    )
    .prop_map(|parts| parts.concat())
}

/// Every text holds what must not be shown; no key does.
fn hostile_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        hostile_text().prop_map(|text| Value::from(format!("s3cret{text}s3cret"))),
        any::<i64>().prop_map(Value::from),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(hostile_text(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_record_drives_a_terminal_and_none_tells_a_secret(
        members in prop::collection::btree_map(hostile_text(), hostile_json(), 0..4),
        names in [hostile_text(), hostile_text(), hostile_text()],
        max in 1024_usize..3000,
        as_json: bool,
        full: bool,
    ) {
        let [method, session, tool] = names;
        let params = serde_json::to_string(&members.into_iter().collect::<BTreeMap<_, _>>()).unwrap();
        let named = serde_json::json!({"name": tool}).to_string();
        let requests = [
            JsonRpcMessage::request(session.as_str(), "x/y", params.clone()),
            JsonRpcMessage::request(1, &method, params.clone()),
            JsonRpcMessage::request(1, "tools/call", named),
        ];
        let format = if as_json { Format::Json } else { Format::Human };
        let payload = if full { Payload::Full } else { Payload::Shape };
        let (debugger, out) = logging(|log| log.format(format).payload(payload).max_record(max));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut stack = DebugLayer::new(&debugger).layer(service_fn(|message: JsonRpcMessage| {
                let params = String::from_utf8(message.params().unwrap_or(b"{}").to_vec()).unwrap();
                let answer = message.responder().result(&params);
                async move { Ok::<_, Error>(Reply::one(answer.unwrap().unwrap())) }
            }));
            for request in requests.into_iter().flatten() {
                let _ = run(&mut stack, of_session(request, &session)).await.unwrap();
            }
            soon(debugger.flushed()).await;
        });
        let snapshot = debugger.snapshot();
        let shown = out.text();
        for text in [&shown, &snapshot.to_string(), &snapshot.to_json()] {
            prop_assert!(!text.contains(is_raw), "{text:?}");
            prop_assert!(full || !text.contains("s3cret"), "{text:?}");
        }
        for line in shown.lines() {
            prop_assert!(line.len() < max, "{} of {max}: {line:?}", line.len());
            prop_assert!(!as_json || serde_json::from_str::<Value>(line).is_ok(), "{line:?}");
        }
        serde_json::from_str::<Value>(&snapshot.to_json()).unwrap();
    }
}
