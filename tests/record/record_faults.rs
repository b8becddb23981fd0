//! What a recorder and its layer do when entries cannot be written, or not yet.

#![cfg(feature = "tape")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shadowcat::layer::RecordLayer;
use shadowcat::tape::{Overflow, Recorder, RecorderOptions, Sink, Tape, lines};
use shadowcat::{Context, Direction, Error, JsonRpcMessage, Reply, ScanOptions};
use tower::{Layer, Service, service_fn};

use crate::recorded::*;
use crate::support::*;
use crate::taped;

fn start(sink: impl Sink + 'static, options: RecorderOptions) -> Recorder {
    Recorder::start(sink, Tape::new().unwrap(), options).unwrap()
}

/// Such a queue, whose thread is busy with a first note until the gate says otherwise.
fn held(memory: &Memory, entries: usize, overflow: Overflow) -> (Recorder, Gate) {
    let (sink, gate) = gated(memory);
    let recorder = start(sink, RecorderOptions::new().max_entries(entries).overflow(overflow));
    recorder.annotate("0");
    gate.begun.recv().unwrap();
    (recorder, gate)
}

async fn is_ready<S: Service<JsonRpcMessage>>(stack: &mut S) -> bool {
    let ready = std::future::poll_fn(|cx| stack.poll_ready(cx));
    poll_once(std::pin::pin!(ready)).is_ready()
}

#[tokio::test]
async fn who_begins_and_cancels_calls_while_the_disk_is_full_fills_no_memory() {
    let memory = Memory::default();
    let (recorder, gate) = held(&memory, 4, Overflow::Backpressure);
    let mut stack = RecordLayer::new(recorder.clone())
        .layer(service_fn(|_| std::future::pending::<Result<Reply, Error>>()));
    let mut begun = 0;
    for id in 0..100 {
        if is_ready(&mut stack).await {
            drop(stack.call(call(id)));
            begun += 1;
        }
    }
    assert_eq!(begun, 2, "a request and its end each, and then nothing goes on");
    drop(gate);
    soon(std::future::poll_fn(|cx| stack.poll_ready(cx))).await.unwrap();
    soon(recorder.finish()).await.unwrap();
    assert_eq!(memory.kinds(), ["note", "request", "end", "request", "end"]);
    assert_eq!(recorder.stats().lost, 0);
}

#[tokio::test]
async fn a_reply_stays_with_its_server_until_there_is_room_to_record_it() {
    let memory = Memory::default();
    let (recorder, gate) = held(&memory, 2, Overflow::Backpressure);
    let polled = Arc::new(AtomicUsize::new(0));
    let seen = polled.clone();
    let server = leaf(move |message: JsonRpcMessage| {
        let (seen, answer) = (seen.clone(), Reply::one(msg(done(message.id().unwrap()))));
        async move {
            seen.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Error>(answer)
        }
    });
    let mut stack = RecordLayer::new(recorder.clone()).layer(server);
    // Both were let in while there was room for their requests.
    let mut calling = [1, 2].map(|id| Box::pin(stack.call(call(id))));
    for future in &mut calling {
        assert!(poll_once(future.as_mut()).is_pending());
    }
    assert_eq!(polled.load(Ordering::SeqCst), 0);
    drop(gate);
    for future in calling {
        assert!(soon(future).await.unwrap().as_one().is_some());
    }
    soon(recorder.finish()).await.unwrap();
    assert_eq!(memory.entries().len(), 7);
    assert_eq!(recorder.stats().lost, 0);
}

#[tokio::test]
async fn a_stack_that_waits_for_a_full_recorder_goes_on_with_another() {
    let memory = Memory::default();
    let (recorder, gate) = held(&memory, 1, Overflow::Backpressure);
    let layer = RecordLayer::new(recorder.clone());
    let mut stack = layer.layer(service_fn(echo));
    recorder.annotate("1");
    let mut ready = Box::pin(std::future::poll_fn(|cx| stack.poll_ready(cx)));
    assert!(poll_once(ready.as_mut()).is_pending());
    let waiting = tokio::spawn(async move { soon(recorder.room()).await });
    assert!(layer.stop().is_some());
    soon(ready).await.unwrap();
    drop(gate);
    waiting.await.unwrap();
}

#[tokio::test]
async fn what_fails_closed_stays_closed_until_something_is_written() {
    let memory = Memory::default();
    let (sink, gate, taken) = patient(&memory);
    let recorder = start(sink, RecorderOptions::new().overflow(Overflow::FailClosed));
    let mut stack = RecordLayer::new(recorder.clone()).layer(service_fn(echo));
    recorder.annotate("0");
    taken.recv().unwrap();
    gate.begun.recv().unwrap();
    gate.words.send(false).unwrap();
    gate.begun.recv().unwrap();
    assert!(recorder.stats().is_failing);
    // It is taken into memory only, and then the disk is tried again.
    recorder.annotate("1");
    gate.words.send(false).unwrap();
    taken.recv().unwrap();
    gate.begun.recv().unwrap();
    assert!(recorder.stats().is_failing, "nothing was written");
    let refused = run(&mut stack, call(1)).await.unwrap();
    assert!(error_of(&refused).contains("cannot be recorded"), "{refused:?}");
    drop(gate);
    soon(recorder.flushed()).await.unwrap();
    assert!(!recorder.stats().is_failing);
    assert!(run(&mut stack, call(2)).await.unwrap().as_one().unwrap().result().is_some());
    soon(recorder.finish()).await.unwrap();
}

#[tokio::test]
async fn a_disk_that_was_not_reached_is_tried_again_without_a_new_entry() {
    let memory = Memory::default();
    let (mut sink, gate, _taken) = patient(&memory);
    sink.says_so = false;
    let recorder = start(sink, RecorderOptions::new().overflow(Overflow::FailClosed));
    gate.words.send(false).unwrap();
    assert!(soon(recorder.flushed()).await.is_err());
    gate.begun.recv().unwrap();
    gate.begun.recv_timeout(NEVER).expect("it is tried again");
    assert!(recorder.stats().is_failing);
    drop(gate);
    soon(recorder.flushed()).await.unwrap();
    assert!(!recorder.stats().is_failing);
}

#[tokio::test]
async fn what_fails_closed_refuses_what_cannot_be_masked() {
    let (recorder, memory) = recording(RecorderOptions::new().overflow(Overflow::FailClosed));
    let layer = RecordLayer::new(recorder.clone()).mask_path("/params/arguments/card".parse().unwrap());
    let mut stack = layer
        .clone()
        .layer(service_fn(|message| async move { panic!("{message:?}") as Result<Reply, Error> }));
    let twice =
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"arguments":{"card":1,"card":2}}}"#;
    let odd = JsonRpcMessage::parse_with(twice, &ScanOptions::new().transparent()).unwrap();
    let refused = run(&mut stack, odd).await.unwrap();
    assert!(error_of(&refused).contains("cannot be recorded"), "{refused:?}");
    assert_eq!((recorder.stats().refused, layer.stats().unmaskable), (1, 1));
    soon(recorder.finish()).await.unwrap();
    assert!(memory.entries().is_empty());
}

#[tokio::test]
async fn who_asks_again_for_the_end_waits_for_the_same_end() {
    let memory = Memory::default();
    let (recorder, gate) = held(&memory, 9, Overflow::default());
    let mut first = Box::pin(recorder.finish());
    assert!(poll_once(first.as_mut()).is_pending());
    drop(first);
    let clone = recorder.clone();
    let mut second = Box::pin(clone.finish());
    assert!(poll_once(second.as_mut()).is_pending(), "it is being written");
    let mut flushed = Box::pin(recorder.flushed());
    assert!(poll_once(flushed.as_mut()).is_pending());
    drop(gate);
    soon(second).await.unwrap();
    soon(flushed).await.unwrap();
    soon(recorder.finish()).await.unwrap();
    assert!(!recorder.stats().is_failing);
}

#[tokio::test]
async fn an_end_that_fails_is_told_to_all_who_ask_and_counts_what_is_lost() {
    let memory = Memory::default();
    let (sink, gate, taken) = patient(&memory);
    let recorder = start(sink, RecorderOptions::new());
    recorder.annotate("0");
    taken.recv().unwrap();
    let mut finished = Box::pin(recorder.finish());
    assert!(poll_once(finished.as_mut()).is_pending());
    // The commit of the entry, another try, and the end.
    for _ in 0..9 {
        gate.words.send(false).unwrap();
    }
    assert!(soon(finished).await.is_err());
    assert!(soon(recorder.clone().finish()).await.is_err());
    assert!(soon(recorder.flushed()).await.is_err());
    let stats = recorder.stats();
    assert_eq!((stats.recorded, stats.lost, stats.is_failing), (0, 1, true));
}

#[tokio::test]
async fn stacks_and_changes_of_the_tape_take_no_room_from_entries() {
    let memory = Memory::default();
    let (recorder, gate) = held(&memory, 3, Overflow::default());
    let layer = RecordLayer::new(recorder.clone()).mask_path("/params/card".parse().unwrap());
    for number in 0..1000 {
        drop(layer.layer(service_fn(echo)));
        recorder.update(move |tape| {
            tape.labels.insert("number".into(), number.to_string());
        });
    }
    recorder.annotate("1");
    recorder.annotate("2");
    assert_eq!(recorder.stats().lost, 0);
    drop(gate);
    soon(recorder.finish()).await.unwrap();
    assert_eq!(memory.said(), ["note 0", "note 1", "note 2"]);
    assert_eq!(&*memory.tape().labels["number"], "999");
    assert!(memory.tape().redaction.unwrap().contains("path:/params/card"));
}

#[tokio::test]
async fn the_tapes_of_all_sessions_are_ended_and_counted_together() {
    let folder = taped::Folder::new();
    let place = folder.path("");
    let layer = RecordLayer::per_session(RecorderOptions::new(), move |tape| {
        let path = place.join(tape.session.as_deref().unwrap_or_default());
        Ok(Box::new(lines::Writer::create(path, tape)?) as Box<dyn Sink>)
    });
    let mut stacks = Vec::new();
    for number in 0..100 {
        let mut stack = layer.layer(service_fn(echo));
        let context = Context::new(Direction::ToUpstream).session(&format!("s-{number}"));
        let _ = run(&mut stack, call(1).with_context(Arc::new(context))).await.unwrap();
        // Some sessions are over before.
        if number % 2 == 0 {
            stacks.push(stack);
        }
    }
    soon(layer.flushed()).await.unwrap();
    assert_eq!(layer.stats().recorders.recorded, 300);
    soon(layer.finish()).await.unwrap();
    for number in 0..100 {
        let text = std::fs::read_to_string(folder.path(&format!("s-{number}"))).unwrap();
        assert!(text.ends_with("{\"end\":3}\n"), "{text}");
    }
    let stats = layer.stats();
    assert_eq!((stats.recorders.recorded, stats.recorders.lost, stats.unrecorded), (300, 0, 0));
    assert!(!stats.recorders.is_failing);
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn where_an_entry_is_too_large_the_tape_says_that_one_is_missing() {
    use shadowcat::tape::{MAX_FRAME_BYTES, sqlite};

    let folder = taped::Folder::new();
    let tape = Tape::new().unwrap();
    let sink = sqlite::Writer::create(folder.path("a.db"), &tape).unwrap();
    let options = RecorderOptions::new().max_bytes(usize::MAX);
    let recorder = Recorder::start(sink, tape, options).unwrap();
    recorder.annotate("0");
    recorder.annotate("x".repeat(MAX_FRAME_BYTES + 1));
    recorder.annotate("1");
    soon(recorder.finish()).await.unwrap();
    let entries = taped::entries(&folder.path("a.db"));
    let said: Vec<_> = entries.iter().map(|entry| (entry.kind.as_str(), &entry.bytes[..])).collect();
    assert_eq!(said, [("note", &b"0"[..]), ("lost", b"1"), ("note", b"1")]);
    assert_eq!(recorder.stats().lost, 1);
}

#[tokio::test]
async fn a_client_that_tries_the_other_era_first_is_known_all_the_same() {
    let (recorder, memory) = recording(RecorderOptions::new());
    let mut stack = RecordLayer::new(recorder.clone()).layer(leaf(|message: JsonRpcMessage| {
        let answer = match message.method() {
            Some("initialize") => JsonRpcMessage::error_response(
                message.owned_id().as_ref(),
                shadowcat::Code::METHOD_NOT_FOUND,
                "no",
            ),
            _ => msg(done(message.id().unwrap())),
        };
        std::future::ready(Ok(Reply::one(answer)))
    }));
    let _ = run(&mut stack, JsonRpcMessage::request(1, "initialize", "{}").unwrap()).await.unwrap();
    let params = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",
        "io.modelcontextprotocol/clientInfo":{"name":"host"}}}"#;
    let _ = run(&mut stack, JsonRpcMessage::request(2, "tools/list", params).unwrap()).await.unwrap();
    soon(recorder.finish()).await.unwrap();
    let tape = memory.tape();
    assert_eq!(tape.protocol_version.as_deref(), Some("2026-07-28"));
    assert_eq!(tape.client_info.unwrap().as_str(), r#"{"name":"host"}"#);
    let entries = memory.entries();
    assert_eq!(entries[1].at, entries[2].at, "a single response and its end come together");
}
