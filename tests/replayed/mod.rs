//! Tapes that are made on the spot.

#![allow(dead_code, reason = "no test file uses all of it")]

use std::time::Duration;

use shadowcat::connect::Replay;
use shadowcat::connect::replay::Options;
use shadowcat::tape::{Entry, EntryKind, Outcome, Source, Tape, TapeError};
use shadowcat::{Direction, JsonRpcMessage, Reply};
use tower::{Service, ServiceExt};

use crate::support::{msg, soon, text};

/// A tape in memory.
pub(crate) struct InMemory {
    tape: Tape,
    entries: std::vec::IntoIter<Entry>,
}

impl Iterator for InMemory {
    type Item = Result<Entry, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next().map(Ok)
    }
}

impl Source for InMemory {
    fn tape(&self) -> &Tape {
        &self.tape
    }
}

pub(crate) fn source(entries: impl IntoIterator<Item = Entry>) -> InMemory {
    source_of(Tape::new().unwrap(), entries)
}

pub(crate) fn source_of(tape: Tape, entries: impl IntoIterator<Item = Entry>) -> InMemory {
    let entries: Vec<Entry> = entries.into_iter().collect();
    InMemory { tape, entries: entries.into_iter() }
}

pub(crate) fn replay(entries: impl IntoIterator<Item = Entry>) -> Replay {
    replay_by(Options::new(), entries)
}

pub(crate) fn replay_by(options: Options, entries: impl IntoIterator<Item = Entry>) -> Replay {
    options.read(&mut source(entries)).unwrap()
}

/// The client said.
pub(crate) fn up(message: impl AsRef<str>) -> Entry {
    Entry::message(&msg(message), Direction::ToUpstream)
}

/// The client was told.
pub(crate) fn down(message: impl AsRef<str>) -> Entry {
    Entry::message(&msg(message), Direction::ToClient)
}

/// A call ended.
pub(crate) fn end(call: u64, outcome: Outcome, why: &str) -> Entry {
    Entry::new(EntryKind::End, Direction::ToClient, why.to_owned()).call(call).outcome(outcome)
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A `tools/call` of `name` with these arguments, which are raw JSON, under an id that is raw JSON too.
pub(crate) fn tool(id: &str, name: &str, arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{name}","arguments":{arguments}}}}}"#
    )
}

pub(crate) fn result(id: &str, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
}

pub(crate) async fn say(replay: &mut Replay, message: impl AsRef<str>) -> Reply {
    send(replay, msg(message)).await
}

pub(crate) async fn send(replay: &mut Replay, message: JsonRpcMessage) -> Reply {
    soon(replay.ready().await.unwrap().call(message)).await.unwrap()
}

/// Says what is not answered.
pub(crate) async fn tell(replay: &mut Replay, message: impl AsRef<str>) {
    assert!(say(replay, message).await.is_end());
}

/// All that comes back.
pub(crate) async fn all(replay: &mut Replay, message: impl AsRef<str>) -> Vec<String> {
    let reply = say(replay, message).await;
    soon(reply.collect(usize::MAX)).await.unwrap().iter().map(text).collect()
}

/// The only message that comes back.
pub(crate) async fn only(replay: &mut Replay, message: impl AsRef<str>) -> String {
    let mut all = all(replay, message).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}
