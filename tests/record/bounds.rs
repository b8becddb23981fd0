//! What a recorder does at its bounds, and past them.

#![cfg(feature = "tape")]

use std::sync::Arc;

use shadowcat::layer::RecordLayer;
use shadowcat::tape::{Overflow, Recorder, RecorderOptions, Sink, Tape, lines};
use shadowcat::{Context, Direction};
use tower::{Layer, Service, service_fn};

use crate::recorded::*;
use crate::support::*;
use crate::taped;

#[tokio::test]
async fn what_is_paused_lets_calls_pass_though_there_is_no_room() {
    let memory = Memory::default();
    let (sink, gate) = gated(&memory);
    let options = RecorderOptions::new().max_entries(1).overflow(Overflow::Backpressure);
    let recorder = Recorder::start(sink, Tape::new().unwrap(), options).unwrap();
    recorder.annotate("0");
    gate.begun.recv().unwrap();
    recorder.annotate("1");
    let mut stack = RecordLayer::new(recorder.clone()).layer(service_fn(echo));
    let mut ready = Box::pin(std::future::poll_fn(|cx| stack.poll_ready(cx)));
    assert!(poll_once(ready.as_mut()).is_pending());
    recorder.pause();
    soon(ready).await.unwrap();
    assert!(soon(run(&mut stack, call(1))).await.unwrap().as_one().is_some());
    drop(gate);
    soon(recorder.finish()).await.unwrap();
    // There was no room for the word that it is paused, which is told; of the call there is nothing.
    assert_eq!(memory.kinds(), ["note", "note", "lost"]);
}

#[tokio::test]
async fn a_title_that_is_too_large_is_left_as_it_was_and_entries_go_on() {
    let folder = taped::Folder::new();
    let path = folder.path("a.jsonl");
    let tape = Tape::new().unwrap().transport("stdio");
    let recorder =
        Recorder::start(lines::Writer::create(&path, &tape).unwrap(), tape, RecorderOptions::new()).unwrap();
    recorder.update(|tape| {
        tape.labels.insert("large".into(), "x".repeat(17 << 20));
    });
    recorder.annotate("still here");
    soon(recorder.flushed()).await.unwrap();
    soon(recorder.finish()).await.unwrap();
    assert!(!recorder.stats().is_failing);
    assert!(std::fs::metadata(&path).unwrap().len() < 1 << 20);
    assert_eq!(&taped::entries(&path)[0].bytes[..], b"still here");
}

#[tokio::test]
async fn a_session_whose_tape_failed_is_told_at_the_end_however_many_came_after_it() {
    let folder = taped::Folder::new();
    let place = folder.path("");
    let layer = RecordLayer::per_session(RecorderOptions::new(), move |tape| {
        let session = tape.session.as_deref().unwrap_or_default();
        match session {
            "s-0" => Err(broken()),
            _ => Ok(Box::new(lines::Writer::create(place.join(session), tape)?) as Box<dyn Sink>),
        }
    });
    for number in 0..200 {
        let mut stack = layer.layer(service_fn(echo));
        let context = Context::new(Direction::ToUpstream).session(&format!("s-{number}"));
        let _ = run(&mut stack, call(1).with_context(Arc::new(context))).await.unwrap();
        drop(stack);
        if number == 0 {
            // It is over, and so it is forgotten among many.
            while layer.stats().recorders.lost == 0 {
                tokio::task::yield_now().await;
            }
        }
    }
    assert!(soon(layer.finish()).await.is_err());
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn at_both_edges_each_frame_stands_under_the_tool_of_its_call() {
    use shadowcat::tape::{Edge, sqlite};

    let folder = taped::Folder::new();
    let path = folder.path("a.db");
    let tape = Tape::new().unwrap();
    let recorder =
        Recorder::start(sqlite::Writer::create(&path, &tape).unwrap(), tape, RecorderOptions::new()).unwrap();
    let upstream = RecordLayer::new(recorder.clone()).edge(Edge::Upstream).layer(service_fn(echo));
    let mut stack = RecordLayer::new(recorder.clone()).layer(upstream);
    let _ = rest(run(&mut stack, call(1)).await.unwrap()).await;
    soon(recorder.finish()).await.unwrap();
    let db = rusqlite::Connection::open(&path).unwrap();
    let named = |sql| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(named("SELECT count(*) FROM frames"), 6);
    assert_eq!(named("SELECT count(*) FROM frames WHERE method = 'tools/call'"), 6);
}

#[tokio::test]
async fn what_a_stuck_sink_and_its_recorder_hold_together_is_bounded() {
    let memory = Memory::default();
    let (sink, gate) = gated(&memory);
    let options = RecorderOptions::new().max_bytes(1 << 20);
    let recorder = Recorder::start(sink, Tape::new().unwrap(), options).unwrap();
    recorder.annotate("0");
    gate.begun.recv().unwrap();
    let fill = || (0..20).for_each(|_| recorder.annotate("x".repeat(100 << 10)));
    fill();
    // The first is written, and what waits is taken; nothing more than that.
    gate.words.send(true).unwrap();
    gate.begun.recv().unwrap();
    fill();
    assert_eq!(recorder.stats().lost, 30);
    drop(gate);
    soon(recorder.finish()).await.unwrap();
    let held: usize = memory.entries()[1..].iter().map(|entry| entry.bytes.len()).sum();
    assert!((900 << 10..1 << 20).contains(&held), "{held}");
}
