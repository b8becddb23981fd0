//! Which entries a filter asks for, one after the other.

use std::collections::{HashMap, VecDeque};

use super::Filter;
use crate::message::JsonRpcMessage;
use crate::shown::is_tool_error;
use crate::tape::call::{Key, Pending};
use crate::tape::{Entry, EntryKind, Outcome, name};

/// Calls that are followed at once; beyond that, the one that was met first is forgotten.
const CALLS: usize = 10_000;

/// Entries that may stand between the answer of a call and its end.
const LATE: u64 = 256;

/// What becomes of an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Drop,
    Keep,
    /// As its call does.
    With(Key),
}

/// Follows the calls that a filter asks for. What it remembers comes of nothing but entries that it asks for, and of
/// what is within their calls: between these, others may be left out.
#[derive(Debug)]
pub(super) struct Judge {
    filter: Filter,
    calls: HashMap<Key, Call>,
    /// In the order in which they were met.
    met: VecDeque<Key>,
    /// Answered or over behind so many entries, and an end is still to come.
    answered: VecDeque<(u64, Key)>,
    taken: u64,
    /// Calls whose fate became known.
    decided: Vec<(Key, bool)>,
}

#[derive(Debug, Default)]
struct Call {
    pending: Pending,
    failed: bool,
    /// Once all is known.
    fate: Option<bool>,
}

impl Judge {
    pub(super) fn new(filter: Filter) -> Self {
        let (calls, met, answered, decided) = Default::default();
        Self { filter, calls, met, answered, taken: 0, decided }
    }

    pub(super) fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Whether nothing is wanted but what the filter itself is about.
    pub(super) fn is_idle(&self) -> bool {
        self.calls.is_empty()
    }

    /// What became known with the last entry.
    pub(super) fn decided(&mut self) -> Vec<(Key, bool)> {
        std::mem::take(&mut self.decided)
    }

    /// The end of the tape: what became of a call that is not over.
    pub(super) fn fate_so_far(&self, key: &Key) -> bool {
        self.calls.get(key).is_some_and(|call| call.failed && self.filter.is_ended(true, None))
    }

    pub(super) fn take(&mut self, entry: &Entry) -> Verdict {
        if !self.filter.is_about_calls() {
            return if self.filter.admits(entry) { Verdict::Keep } else { Verdict::Drop };
        }
        self.forget_late();
        let message = name::message(entry);
        let verdict = match (entry.kind, &message) {
            (EntryKind::Request, Some(message)) => self.request(entry, message),
            (EntryKind::Response, Some(message)) => self.response(entry, message),
            (EntryKind::End, _) => self.end(entry),
            _ => None,
        };
        let verdict = verdict.or_else(|| self.within(entry)).unwrap_or_else(|| self.alone(entry, message));
        if self.filter.admits(entry) { verdict } else { Verdict::Drop }
    }

    fn request(&mut self, entry: &Entry, message: &JsonRpcMessage) -> Option<Verdict> {
        let key = Key::of(entry, message)?;
        let is_known = self.calls.get(&key).is_some_and(|call| call.fate.is_none());
        if !is_known && !self.filter.is_about(entry, Some(message)) {
            return None;
        }
        if !is_known {
            self.meet(key.clone());
        }
        self.calls.get_mut(&key)?.pending.ask(entry.edge);
        Some(self.verdict(key))
    }

    /// A number that is used again is a new call.
    fn meet(&mut self, key: Key) {
        self.forget(&key);
        if self.met.len() >= CALLS
            && let Some(oldest) = self.met.pop_front()
        {
            self.calls.remove(&oldest);
        }
        self.met.push_back(key.clone());
        self.calls.insert(key, Call::default());
    }

    fn forget(&mut self, key: &Key) -> Option<Call> {
        let call = self.calls.remove(key)?;
        self.met.retain(|met| met != key);
        Some(call)
    }

    /// Not every recorder tells of ends.
    fn forget_late(&mut self) {
        self.taken += 1;
        while self.answered.front().is_some_and(|(at, _)| *at + LATE < self.taken) {
            let Some((_, key)) = self.answered.pop_front() else { break };
            if self.calls.get(&key).is_some_and(|call| call.fate.is_some()) {
                self.forget(&key);
            }
        }
    }

    fn response(&mut self, entry: &Entry, message: &JsonRpcMessage) -> Option<Verdict> {
        let key = Key::of(entry, message)?;
        let call = self.calls.get_mut(&key)?;
        call.pending.answer(entry.edge);
        call.failed |= is_error(message);
        if call.pending.is_answered() {
            return Some(self.answered(&key));
        }
        Some(self.verdict(key))
    }

    /// It is over when it is answered wherever it was seen. What is numbered still has its end to come; a question within
    /// a call has none.
    fn answered(&mut self, key: &Key) -> Verdict {
        let Some(call) = self.calls.get_mut(key) else { return Verdict::Drop };
        if call.fate.is_none() {
            let fate = self.filter.is_ended(call.failed, Some(Outcome::Answered));
            call.fate = Some(fate);
            self.decided.push((key.clone(), fate));
            self.answered.push_back((self.taken, key.clone()));
        }
        let verdict = self.verdict(key.clone());
        if !key.has_end() {
            self.forget(key);
        }
        verdict
    }

    fn end(&mut self, entry: &Entry) -> Option<Verdict> {
        let owner = Key::of_owner(entry)?;
        self.over(owner.reversed(), entry);
        self.over(owner, entry)
    }

    /// A call has an end at each edge where it was seen. How it ended, the client's says.
    fn over(&mut self, key: Key, end: &Entry) -> Option<Verdict> {
        let call = self.calls.get_mut(&key)?;
        call.pending.end(end.edge);
        let pending = call.pending;
        if call.fate.is_none() && !pending.waits_for_client() {
            let fate = self.filter.is_ended(call.failed, end.outcome);
            call.fate = Some(fate);
            self.decided.push((key.clone(), fate));
            self.answered.push_back((self.taken, key.clone()));
        }
        let verdict = self.verdict(key.clone());
        if pending.is_over() {
            self.forget(&key);
        }
        Some(verdict)
    }

    /// Of a call that is not over.
    fn within(&mut self, entry: &Entry) -> Option<Verdict> {
        let key = Key::of_owner(entry)?;
        let call = self.calls.get_mut(&key).filter(|call| call.fate.is_none())?;
        call.failed |= entry.kind == EntryKind::Refused;
        Some(self.verdict(key))
    }

    fn verdict(&self, key: Key) -> Verdict {
        if !self.filter.is_about_ends() {
            return Verdict::Keep;
        }
        match self.calls.get(&key).and_then(|call| call.fate) {
            Some(true) => Verdict::Keep,
            Some(false) => Verdict::Drop,
            None => Verdict::With(key),
        }
    }

    fn alone(&self, entry: &Entry, message: Option<JsonRpcMessage>) -> Verdict {
        let failed = match entry.kind {
            EntryKind::Refused => true,
            EntryKind::Response => message.as_ref().is_some_and(is_error),
            _ => false,
        };
        let is_ended = !self.filter.is_about_ends() || self.filter.is_ended(failed, entry.outcome);
        let is_kept = is_ended && self.filter.is_about(entry, message.as_ref());
        if is_kept { Verdict::Keep } else { Verdict::Drop }
    }
}

fn is_error(message: &JsonRpcMessage) -> bool {
    message.error().is_some() || is_tool_error(message)
}
