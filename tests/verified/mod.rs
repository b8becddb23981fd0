//! What the tests of playing tapes share.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use shadowcat::tape::{Entry, EntryKind, Outcome, Source, Tape, TapeError};
use shadowcat::verify::{Finding, Report};
use shadowcat::{Direction, Error, JsonRpcMessage, Kind, Reply};

use crate::support::{Leaf, leaf, msg};
use crate::taped;

/// A tape in memory.
pub(crate) struct Made {
    pub(crate) tape: Tape,
    pub(crate) entries: Vec<Entry>,
    at: Duration,
}

impl Made {
    pub(crate) fn new() -> Self {
        Self { tape: taped::tape(), entries: Vec::new(), at: Duration::ZERO }
    }

    /// So many milliseconds after the beginning.
    pub(crate) fn at(mut self, millis: u64) -> Self {
        self.at = Duration::from_millis(millis);
        self
    }

    /// The client says it.
    pub(crate) fn client(self, text: &str) -> Self {
        self.said(text, Direction::ToUpstream)
    }

    /// The server says it.
    pub(crate) fn server(self, text: &str) -> Self {
        self.said(text, Direction::ToClient)
    }

    fn said(mut self, text: &str, direction: Direction) -> Self {
        let message =
            JsonRpcMessage::parse(text.to_owned()).unwrap_or_else(|error| panic!("{text}: {error}"));
        self.entries.push(Entry::message(&message, direction).at(self.at));
        self
    }

    /// A request and its answer.
    pub(crate) fn call(self, id: i64, method: &str, params: &str, result: &str) -> Self {
        self.client(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#))
            .server(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#))
    }

    /// The last entry belongs to this call.
    pub(crate) fn of(mut self, call: u64) -> Self {
        self.entries.last_mut().unwrap().call = Some(call);
        self
    }

    /// A call ended.
    pub(crate) fn end(mut self, call: u64, outcome: Outcome, why: &str) -> Self {
        let entry = Entry::new(EntryKind::End, Direction::ToClient, why.to_owned()).at(self.at);
        self.entries.push(entry.call(call).outcome(outcome));
        self
    }

    pub(crate) fn source(self) -> Played {
        Played { tape: self.tape, entries: self.entries.into_iter() }
    }
}

pub(crate) struct Played {
    tape: Tape,
    entries: std::vec::IntoIter<Entry>,
}

impl Played {
    pub(crate) fn new(tape: Tape, entries: Vec<Entry>) -> Self {
        Self { tape, entries: entries.into_iter() }
    }
}

impl Iterator for Played {
    type Item = Result<Entry, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next().map(Ok)
    }
}

impl Source for Played {
    fn tape(&self) -> &Tape {
        &self.tape
    }
}

/// Every difference, of calls and of what was said unasked.
pub(crate) fn findings(report: &Report) -> Vec<&Finding> {
    report.calls.iter().flat_map(|call| &call.findings).chain(&report.unasked).collect()
}

/// In short: call, verdict, path.
pub(crate) fn found(report: &Report) -> Vec<(usize, &'static str, &str)> {
    let of_call = |call: &'_ shadowcat::verify::Call| call.number;
    let calls = report.calls.iter().flat_map(|call| {
        call.findings.iter().map(move |finding| (of_call(call), finding.verdict.as_str(), &*finding.path))
    });
    calls.chain(report.unasked.iter().map(|finding| (0, finding.verdict.as_str(), &*finding.path))).collect()
}

/// An answer, and nothing before it.
pub(crate) fn answer(request: &JsonRpcMessage, result: &str) -> Reply {
    request.responder().result(result).unwrap().map_or_else(Reply::empty, Reply::one)
}

/// Items, then the answer.
pub(crate) fn stream(request: &JsonRpcMessage, items: &[String], result: &str) -> Reply {
    let (sender, reply) = Reply::channel(64);
    items.iter().for_each(|item| sender.try_send(msg(item)).unwrap());
    sender.finish(request.responder().result(result).unwrap().unwrap());
    reply
}

/// A server whose answers are these, call by call; it takes all else.
pub(crate) fn says(
    answers: &[&str],
) -> Leaf<impl FnMut(JsonRpcMessage) -> std::future::Ready<Result<Reply, Error>> + use<>> {
    let answers: Vec<_> = answers.iter().map(|&answer| answer.to_owned()).collect();
    let mut next = 0;
    leaf(move |message| {
        if message.kind() != Kind::Request || message.is_session_listen() {
            return std::future::ready(Ok(Reply::empty()));
        }
        next += 1;
        std::future::ready(Ok(answer(&message, &answers[next - 1])))
    })
}
