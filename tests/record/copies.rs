//! Messages that rules repeat: the copies are on the tape, and nobody takes them for what a peer has said.

#![cfg(all(feature = "tape", feature = "http-server", feature = "http-client"))]

use std::time::Duration;

use shadowcat::connect::{Replay, replay};
use shadowcat::layer::RecordLayer;
use shadowcat::layer::rules::{Rules, RulesLayer};
use shadowcat::rules::{Failure, Matcher};
use shadowcat::tape::{Edge, Entry, EntryKind, RecorderOptions, Stats};
use shadowcat::verify::Verify;
use shadowcat::{Direction, connect, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use crate::faults::*;
use crate::recorded::{Memory, recording};
use crate::support::{self, leaf, msg, peer, rest, soon};
use crate::verified;

/// What a tape holds of this text: which way, and whether it is marked.
fn said(entries: &[Entry], text: &str) -> Vec<(Direction, bool)> {
    let same = entries.iter().filter(|entry| entry.bytes == text);
    same.map(|entry| (entry.direction, entry.synthetic)).collect()
}

/// Log lines of a client, which is odd.
fn told() -> Matcher {
    logs().direction(Direction::ToUpstream)
}

/// Calls a server over a pipe, through these rules and a recorder below them.
async fn called(rules: &Rules, text: &str) -> Memory {
    let (recorder, memory) = recording(RecorderOptions::new());
    let (mut server, read, write) = peer(1 << 16);
    let mut stack = ServiceBuilder::new()
        .layer(RulesLayer::new(rules))
        .layer(RecordLayer::new(recorder.clone()).edge(Edge::Upstream))
        .service(connect::pipe(read, write));
    let mut called = stack.ready().await.unwrap().call(msg(text));
    for _ in 0..3 {
        assert_eq!(server.hear().await.unwrap(), text);
    }
    server.say(RESULT).await;
    match text == CALL {
        true => drop(rest(soon(&mut called).await.unwrap()).await),
        false => drop(called),
    }
    drop(stack);
    soon(recorder.finish()).await.unwrap();
    memory
}

#[tokio::test]
async fn copies_to_a_server_are_recorded_and_marked() {
    for failure in [Failure::Duplicate(2), Failure::Flood(2)] {
        for (matcher, text) in [(requests(), CALL), (told(), LOG)] {
            let memory = called(&faulty(matcher, failure.clone()), text).await;
            let up = Direction::ToUpstream;
            assert_eq!(said(&memory.entries(), text), [(up, false), (up, true), (up, true)], "{failure:?}");
            assert!(said(&memory.entries(), RESULT).iter().all(|(_, mark)| !mark));
        }
    }
}

/// What a client on stdio is told, recorded above these rules.
async fn served(rules: &Rules, record: impl FnOnce(RecordLayer) -> RecordLayer) -> Memory {
    let (recorder, memory) = recording(RecorderOptions::new());
    let stack = ServiceBuilder::new()
        .layer(record(RecordLayer::new(recorder.clone())))
        .layer(RulesLayer::new(rules))
        .service(server(true));
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let (read, write) = tokio::io::split(theirs);
    let served = tokio::spawn(serve::stdio(stack).session("s").run_on(read, write));
    let (mut read, mut write) = tokio::io::split(ours);
    write.write_all(format!("{CALL}\n{PING}\n").as_bytes()).await.unwrap();
    write.shutdown().await.unwrap();
    soon(read.read_to_end(&mut Vec::new())).await.unwrap();
    soon(served).await.unwrap().unwrap();
    soon(recorder.finish()).await.unwrap();
    memory
}

#[tokio::test]
async fn copies_to_a_client_are_recorded_and_marked() {
    let down = Direction::ToClient;
    for failure in [Failure::Duplicate(2), Failure::Flood(2)] {
        for (matcher, text) in [(responses(), RESULT), (logs(), LOG)] {
            let memory = served(&faulty(matcher, failure.clone()), |layer| layer).await;
            let entries = memory.entries();
            assert!(entries.iter().all(|entry| entry.session.as_deref() == Some("s")), "{failure:?}");
            assert_eq!(said(&entries, text), [(down, false), (down, true), (down, true)], "{failure:?}");
            let call = entries.iter().find(|entry| entry.bytes == CALL).unwrap().call;
            assert!(entries.iter().filter(|entry| entry.bytes == text).all(|entry| entry.call == call));
        }
    }
}

#[tokio::test]
async fn of_a_flood_some_copies_are_recorded_and_how_many_there_were() {
    let memory = served(&faulty(responses(), Failure::Flood(200)), |layer| layer).await;
    assert_eq!(said(&memory.entries(), RESULT).len(), 1 + 64);
    let notes: Vec<_> = memory.entries().into_iter().filter(|entry| entry.kind == EntryKind::Note).collect();
    let texts: Vec<_> = notes.iter().map(|note| String::from_utf8_lossy(&note.bytes)).collect();
    assert_eq!(texts, ["136 more copies of the message before it"]);
}

#[tokio::test]
async fn what_is_not_repeated_has_no_copies_on_the_tape() {
    for failure in [Failure::Truncate(20), Failure::Corrupt(3), Failure::Duplicate(0)] {
        let memory = served(&faulty(responses(), failure), |layer| layer).await;
        assert_eq!(said(&memory.entries(), RESULT), [(Direction::ToClient, false)]);
    }
    // A leaf in the same process writes nothing.
    let (recorder, memory) = recording(RecorderOptions::new());
    let rules = faulty(requests(), Failure::Duplicate(2));
    let record = RecordLayer::new(recorder.clone()).edge(Edge::Upstream);
    let stack = RulesLayer::new(&rules).layer(record.layer(server(false)));
    let reply = stack.oneshot(msg(CALL)).await.unwrap_or_else(|_| panic!("it answers"));
    drop(rest(reply).await);
    soon(recorder.finish()).await.unwrap();
    assert_eq!(said(&memory.entries(), CALL), [(Direction::ToUpstream, false)]);
}

#[tokio::test]
async fn copies_are_masked_like_what_they_are_copies_of() {
    let rules = faulty(responses(), Failure::Duplicate(2));
    let memory = served(&rules, |layer| layer.mask_path("/result/content".parse().unwrap())).await;
    let entries = memory.entries();
    let answers: Vec<_> = entries.iter().filter(|entry| entry.kind == EntryKind::Response).collect();
    let masked: Vec<_> =
        answers.iter().filter(|entry| entry.bytes.starts_with(br#"{"jsonrpc":"2.0","id":1"#)).collect();
    assert_eq!(masked.len(), 3);
    assert!(masked.iter().all(|entry| entry.bytes == masked[0].bytes && entry.bytes != RESULT));
}

/// The tape of a call that rules sent three times.
async fn of_copies() -> verified::Played {
    let memory = called(&faulty(requests(), Failure::Duplicate(2)), CALL).await;
    verified::Played::new(memory.tape(), memory.entries())
}

#[tokio::test]
async fn copies_are_no_calls_of_their_own() {
    let stats = Stats::of(of_copies().await).unwrap();
    let calls = &stats.methods["tools/call"];
    assert_eq!((calls.calls, calls.outcomes["answered"]), (1, 1));
}

#[tokio::test]
async fn copies_are_not_played_to_a_server() {
    let alone = leaf(|message: shadowcat::JsonRpcMessage| async move {
        Ok(verified::answer(&message, r#"{"content":[]}"#))
    });
    let seen = alone.seen.clone();
    let report = soon(Verify::new(of_copies().await).run(alone)).await.unwrap();
    assert!(report.is_deterministic(), "{report}");
    assert_eq!((report.totals.calls, report.totals.left_out), (1, 2));
    assert_eq!(seen.all().iter().filter(|sent| sent.contains("tools/call")).count(), 1);
}

#[tokio::test]
async fn copies_of_a_call_are_not_waited_for_when_the_tape_is_replayed() {
    let mut replay: Replay = replay::Options::new().read(&mut of_copies().await).unwrap();
    let reply = soon(replay.ready().await.unwrap().call(msg(CALL))).await.unwrap();
    assert_eq!(soon(rest(reply)).await, [RESULT]);
}

#[tokio::test]
async fn copies_of_a_notification_are_not_waited_for_when_the_tape_is_replayed() {
    let (recorder, memory) = recording(RecorderOptions::new());
    let (mut server, read, write) = peer(1 << 16);
    let rules = faulty(told(), Failure::Duplicate(2));
    let mut stack = ServiceBuilder::new()
        .layer(RulesLayer::new(&rules))
        .layer(RecordLayer::new(recorder.clone()).edge(Edge::Upstream))
        .service(connect::pipe(read, write));
    let mut listen = stack.ready().await.unwrap().call(support::session_listen()).await.unwrap();
    drop(stack.ready().await.unwrap().call(msg(LOG)).await.unwrap());
    for _ in 0..3 {
        assert_eq!(server.hear().await.unwrap(), LOG);
    }
    let changed = support::note("notifications/tools/list_changed");
    server.say(&changed).await;
    assert_eq!(support::next(&mut listen).await, changed);
    let called = stack.ready().await.unwrap().call(msg(CALL));
    server.hear().await.unwrap();
    server.say(RESULT).await;
    drop(rest(soon(called).await.unwrap()).await);
    drop((listen, stack));
    soon(recorder.finish()).await.unwrap();

    let mut tape = verified::Played::new(memory.tape(), memory.entries());
    let mut replay: Replay = replay::Options::new().read(&mut tape).unwrap();
    let mut listen = replay.ready().await.unwrap().call(support::session_listen()).await.unwrap();
    drop(replay.ready().await.unwrap().call(msg(LOG)).await.unwrap());
    let heard = tokio::time::timeout(Duration::from_secs(5), support::next(&mut listen)).await;
    assert_eq!(heard.unwrap(), changed);
}
