//! From entries to steps.

use std::collections::{HashMap, HashSet};

use super::{End, Loaded, Recorded, Said, Script, Step, What};
use crate::message::{Direction, JsonRpcMessage, Kind, OwnedId, ScanOptions};
use crate::protocol::{method, peek};
use crate::tape::running::Running;
use crate::tape::{Entry, EntryKind, Outcome};
use crate::verify::ending::Failure;

/// Puts together what belongs together.
pub(in crate::verify) fn build(loaded: Loaded) -> Script {
    let is_numbered = is_numbered(&loaded.entries);
    let mut builder = Builder { is_numbered, ..Builder::default() };
    builder.script.components = loaded.tape.components;
    builder.script.incomplete = loaded.is_incomplete;
    loaded.entries.iter().for_each(|entry| builder.entry(entry));
    builder.script
}

/// Whether the recorder said of all that the server said to which call it belongs. Numbers of requests and answers do
/// not tell: other recorders' tapes have those, too, when they are read.
fn is_numbered(entries: &[Entry]) -> bool {
    let is_asked = |entry: &&Entry| {
        entry.direction == Direction::ToUpstream && entry.kind == EntryKind::Request && !entry.synthetic
    };
    let asked: HashSet<_> = entries.iter().filter(is_asked).filter_map(|entry| entry.call).collect();
    entries.iter().any(|entry| {
        let is_said = entry.direction == Direction::ToClient
            && matches!(entry.kind, EntryKind::Request | EntryKind::Notification);
        (is_said || entry.kind == EntryKind::End) && entry.call.is_some_and(|call| asked.contains(&call))
    })
}

#[derive(Default)]
struct Builder {
    script: Script,
    /// The recorder said which call each entry belongs to.
    is_numbered: bool,
    numbers: HashMap<u64, usize>,
    pending: Running,
    /// Requests that were not the client's.
    foreign: HashSet<OwnedId>,
    /// Questions that wait for an answer: the call, and which of its items.
    questions: HashMap<OwnedId, (Option<usize>, usize)>,
}

impl Builder {
    fn entry(&mut self, entry: &Entry) {
        match entry.kind {
            EntryKind::Request | EntryKind::Notification | EntryKind::Response => {}
            EntryKind::End => return self.end(entry),
            _ => return,
        }
        let Some(message) = read(entry) else {
            self.script.left_out += 1;
            return;
        };
        match (entry.direction, message.kind()) {
            (Direction::ToUpstream, Kind::Request) => self.request(entry, message),
            (Direction::ToUpstream, Kind::Notification) => self.notification(entry, message),
            (Direction::ToUpstream, Kind::Response) => self.client_answer(message),
            (Direction::ToClient, Kind::Response) => self.answer(entry, message),
            (Direction::ToClient, _) => self.said(entry, message),
        }
    }

    fn request(&mut self, entry: &Entry, message: JsonRpcMessage) {
        let Some(id) = message.owned_id() else { return };
        if entry.synthetic {
            self.script.left_out += 1;
            // What is under way by this id was said again.
            if self.pending.by_id(&id).is_none() {
                self.foreign.insert(id);
            }
            return;
        }
        let call = self.script.calls.len();
        self.foreign.remove(&id);
        self.pending.begin(call, &message);
        if let Some(number) = entry.call {
            self.numbers.insert(number, call);
        }
        self.script.calls.push(Recorded {
            request: message,
            items: Vec::new(),
            end: End::Open,
            over: None,
            took: None,
            at: entry.at,
            is_left_out: false,
        });
        self.step(entry, What::Send(call));
    }

    fn notification(&mut self, entry: &Entry, message: JsonRpcMessage) {
        if entry.synthetic {
            self.script.left_out += 1;
        } else if message.is_method(method::CANCELLED) {
            let id = peek::cancelled_id(&message).ok().flatten().map(|id| id.to_owned());
            // One that came too late has nothing to cancel.
            if let Some(call) = id.and_then(|id| self.pending.by_id(&id)) {
                self.leave(entry, call, Some(message));
            }
        } else {
            self.step(entry, What::Notify(message));
        }
    }

    fn leave(&mut self, entry: &Entry, call: usize, message: Option<JsonRpcMessage>) {
        if !matches!(self.script.calls[call].end, End::Open) {
            return;
        }
        self.step(entry, What::Leave(call));
        self.over(entry, call, End::Left(message));
    }

    /// To a question of the server, whoever answered it: that is what the server got.
    fn client_answer(&mut self, message: JsonRpcMessage) {
        let question = message.owned_id().and_then(|id| self.questions.remove(&id));
        let Some((call, at)) = question else {
            self.script.left_out += 1;
            return;
        };
        let items = match call {
            Some(call) => &mut self.script.calls[call].items,
            None => &mut self.script.unasked,
        };
        items[at].answer = Some(message);
    }

    fn answer(&mut self, entry: &Entry, message: JsonRpcMessage) {
        let Some(id) = message.owned_id() else { return self.said(entry, message) };
        if self.foreign.remove(&id) {
            return;
        }
        let numbered = entry.call.and_then(|number| self.numbers.get(&number).copied());
        let Some(call) = numbered.or_else(|| self.pending.by_id(&id)) else { return };
        if !matches!(self.script.calls[call].end, End::Open) {
            return;
        }
        if entry.synthetic {
            self.script.calls[call].is_left_out = true;
            self.script.left_out += 1;
        }
        self.over(entry, call, End::Answered(message));
    }

    fn said(&mut self, entry: &Entry, message: JsonRpcMessage) {
        // In the call of a request that is not sent, nothing is said.
        let is_of_other =
            self.is_numbered && entry.call.is_some_and(|call| !self.numbers.contains_key(&call));
        if entry.synthetic || is_of_other {
            return;
        }
        let call = self.owner(entry, &message);
        let id = message.owned_id().filter(|_| message.kind() == Kind::Request);
        let items = match call {
            Some(call) => &mut self.script.calls[call].items,
            None => &mut self.script.unasked,
        };
        items.push(Said { message, answer: None });
        if let Some(id) = id {
            self.questions.insert(id, (call, items.len() - 1));
        }
    }

    /// The call that it belongs to. Where nobody numbered them, it is found as a connector to a pipe does.
    fn owner(&self, entry: &Entry, message: &JsonRpcMessage) -> Option<usize> {
        let numbered = entry.call.and_then(|number| self.numbers.get(&number).copied());
        if numbered.is_some() || self.is_numbered {
            return numbered;
        }
        if let Some(id) = peek::subscription_id(message).ok().flatten() {
            return self.pending.by_id(&id.to_owned());
        }
        if let Some(token) = peek::progress_token(message).ok().flatten() {
            return self.pending.by_token(&token.to_owned());
        }
        if message.kind() != Kind::Request && !message.is_method(method::LOG) {
            return None;
        }
        self.pending.only()
    }

    fn end(&mut self, entry: &Entry) {
        let Some(call) = entry.call.and_then(|number| self.numbers.get(&number).copied()) else { return };
        if !matches!(self.script.calls[call].end, End::Open) {
            return;
        }
        match entry.outcome {
            Some(Outcome::Cancelled | Outcome::Dropped) => self.leave(entry, call, None),
            Some(Outcome::Failed) => self.over(entry, call, End::Failed(Failure::recorded(&entry.bytes))),
            Some(Outcome::Unanswered) => self.over(entry, call, End::Failed(Failure::unanswered())),
            _ => {}
        }
    }

    fn over(&mut self, entry: &Entry, call: usize, end: End) {
        let steps = self.script.steps.len();
        let recorded = &mut self.script.calls[call];
        recorded.end = end;
        recorded.over = Some(steps);
        recorded.took = entry.at.checked_sub(recorded.at);
        self.pending.end(call);
    }

    fn step(&mut self, entry: &Entry, what: What) {
        self.script.steps.push(Step { at: entry.at, unasked: self.script.unasked.len(), what });
    }
}

/// Strictly where that is possible, since a layer may refuse what is not.
fn read(entry: &Entry) -> Option<JsonRpcMessage> {
    let options = ScanOptions::new().unlimited();
    JsonRpcMessage::parse_with(entry.bytes.clone(), &options)
        .or_else(|_| JsonRpcMessage::parse_with(entry.bytes.clone(), &options.transparent()))
        .ok()
}
