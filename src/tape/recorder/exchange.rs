//! One message of a client and what becomes of it, on a tape.

use std::fmt;
use std::sync::Arc;

use super::facts::Fact;
use super::state::{RECORDING, Shared};
use crate::error::Error;
use crate::message::{Direction, JsonRpcMessage, Kind};
use crate::tape::{Edge, Entry, EntryKind, Outcome, Overflow, failure};

/// One message that went to the server, as it is recorded: what comes back is told to it, and its end.
///
/// Its entries share the number of the call, if it is one; so do those of another edge that records into the same tape.
/// Dropped without an end, a request has been [dropped](Outcome::Dropped). What was begun while the recorder did not
/// record is not recorded later.
#[must_use = "dropping it says that the call was dropped"]
pub struct Exchange {
    shared: Option<Arc<Shared>>,
    session: Option<Arc<str>>,
    component: Option<Arc<str>>,
    call: Option<u64>,
    edge: Edge,
    /// What its answer tells.
    answer: Option<Fact>,
    is_request: bool,
    answered: bool,
    ended: bool,
}

impl Exchange {
    /// Nothing of it is recorded.
    pub(super) fn unrecorded() -> Self {
        Self {
            shared: None,
            session: None,
            component: None,
            call: None,
            edge: Edge::default(),
            answer: None,
            is_request: false,
            answered: false,
            ended: true,
        }
    }

    /// A front end's own listen is no message of anybody's; what comes on it is recorded.
    pub(super) fn begin(
        shared: &Arc<Shared>,
        edge: Edge,
        message: &JsonRpcMessage,
        component: Option<Arc<str>>,
    ) -> Self {
        shared.name_transport(message);
        let (fact, answer) = shared.knows.asked(message);
        let mut exchange = Self::about(shared, edge, message);
        (exchange.component, exchange.answer) = (component, answer);
        if !message.is_session_listen() {
            let owed = shared.overflow != Overflow::DropAndCount;
            exchange.said(message, Direction::ToUpstream, fact, owed);
        }
        exchange
    }

    /// Of a message that must not be recorded itself.
    pub(super) fn begin_lost(shared: &Arc<Shared>, edge: Edge, message: &JsonRpcMessage) -> Self {
        shared.lose();
        Self::about(shared, edge, message)
    }

    fn about(shared: &Arc<Shared>, edge: Edge, message: &JsonRpcMessage) -> Self {
        let is_request = message.kind() == Kind::Request && !message.is_session_listen();
        Self {
            shared: Some(shared.clone()),
            session: message.context().and_then(|context| context.session_name()).cloned(),
            component: None,
            call: is_request.then(|| message.recorded_call(shared.id).unwrap_or_else(|| shared.next_call())),
            edge,
            answer: None,
            is_request,
            answered: false,
            ended: false,
        }
    }

    /// A message of the reply.
    pub fn received(&mut self, message: &JsonRpcMessage) {
        let is_answer = is_answer(message);
        let fact = if is_answer { self.learned(message) } else { None };
        self.answered |= is_answer;
        let owed = self.is_owed(is_answer);
        self.said(message, Direction::ToClient, fact, owed);
    }

    /// The one message of its reply. If it is the response to a request, the end is recorded with it, at once.
    pub(crate) fn received_only(&mut self, message: &JsonRpcMessage) {
        if self.ended || !self.is_request || !is_answer(message) {
            return self.received(message);
        }
        let fact = self.learned(message);
        let response = self.recording().map(|shared| self.dress(shared.entry(message, Direction::ToClient)));
        let mut end = Entry::new(EntryKind::End, Direction::ToClient, "").outcome(Outcome::Answered);
        (end.edge, end.call) = (self.edge, self.call);
        // The last that is said.
        (end.session, end.component) = (self.session.take(), self.component.take());
        (self.answered, self.ended) = (true, true);
        if let Some((shared, response)) = self.recording().zip(response) {
            shared.say_both((response, fact), end, self.is_owed(true));
        }
    }

    /// What its answer tells of the tape.
    fn learned(&mut self, answer: &JsonRpcMessage) -> Option<Fact> {
        let fact = self.answer.take()?;
        self.shared.as_ref()?.knows.answered(answer, fact)
    }

    /// Something more that the client sent for it, such as the message that cancels it.
    pub fn sent(&mut self, message: &JsonRpcMessage) {
        self.said(message, Direction::ToUpstream, None, self.is_owed(true));
    }

    /// A message of the reply passed that must not be recorded, or of the request. It is counted as lost.
    pub(crate) fn lost(&mut self, message: &JsonRpcMessage) {
        self.answered |= is_answer(message);
        self.shared.iter().for_each(|shared| shared.lose());
    }

    /// Its recorder and its number, for those who record the same message again; what is no call has none.
    pub(crate) fn mark(&self) -> Option<(u32, u64)> {
        Some((self.shared.as_ref()?.id, self.call.unwrap_or_default()))
    }

    /// Its response was there.
    pub fn is_answered(&self) -> bool {
        self.answered
    }

    /// It is over; `why`, if it is not well. Of what is no request, only that it failed is recorded.
    pub fn ended(&mut self, outcome: Outcome, why: &str) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        if !self.is_request && outcome != Outcome::Failed {
            return;
        }
        let end = Entry::new(EntryKind::End, Direction::ToClient, why.to_owned()).outcome(outcome);
        self.say(end, None, self.is_owed(true));
    }

    /// It is over, since the channel broke: the tape tells the kind of the error, and its text.
    pub fn failed(&mut self, error: &Error) {
        self.ended(Outcome::Failed, &failure::told(error, &error.to_string()));
    }

    fn said(&self, message: &JsonRpcMessage, direction: Direction, fact: Option<Fact>, owed: bool) {
        if let Some(shared) = self.recording() {
            shared.say(self.dress(shared.entry(message, direction)), fact, owed);
        }
    }

    fn say(&self, entry: Entry, fact: Option<Fact>, owed: bool) {
        if let Some(shared) = self.recording() {
            shared.say(self.dress(entry), fact, owed);
        }
    }

    pub(super) fn recording(&self) -> Option<&Arc<Shared>> {
        self.shared.as_ref().filter(|shared| shared.mode() == RECORDING)
    }

    /// An entry with what all of this exchange have.
    pub(super) fn dress(&self, mut entry: Entry) -> Entry {
        entry.edge = self.edge;
        entry.session.clone_from(&self.session);
        entry.component.clone_from(&self.component);
        entry.call = self.call;
        entry
    }

    /// Whether an entry must find room: there are no more than a few of a call. Who waits for room, waits after it.
    pub(super) fn is_owed(&self, once: bool) -> bool {
        match self.shared.as_ref().map(|shared| shared.overflow) {
            Some(Overflow::Backpressure) => true,
            Some(Overflow::FailClosed) => once && self.is_request,
            Some(Overflow::DropAndCount) | None => false,
        }
    }
}

/// A response to a request that is known.
fn is_answer(message: &JsonRpcMessage) -> bool {
    message.kind() == Kind::Response && message.id().is_some()
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let outcome = if self.answered { Outcome::Answered } else { Outcome::Dropped };
        self.ended(outcome, "");
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("call", &self.call)
            .field("answered", &self.answered)
            .finish_non_exhaustive()
    }
}
