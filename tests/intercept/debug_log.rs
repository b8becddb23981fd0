//! What the debugger writes.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde_json::Value;
use shadowcat::JsonRpcMessage;
use shadowcat::layer::DebugLayer;
use shadowcat::layer::debug::{Colour, Debugger, Format, Log, Options, Payload};
use tower::{Layer, service_fn};

use crate::debugged::*;
use crate::support::*;

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
