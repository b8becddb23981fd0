//! One message of the client and its reply, as the debugger sees it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use super::debugger::State;
use super::record::What;
use crate::layer::tap::{self, Ending};
use crate::message::{Context, JsonRpcMessage, Kind, OwnedId};
use crate::protocol::peek;

/// Bytes of a tool's name that are kept: it comes from the client.
const TOOL: usize = 128;

/// A message that went on, and what has come back.
pub(super) struct Entry {
    pub(super) context: Option<Arc<Context>>,
    pub(super) id: Option<OwnedId>,
    pub(super) method: Option<Box<str>>,
    pub(super) tool: Option<Box<str>>,
    pub(super) is_listen: bool,
    pub(super) since: Instant,
    pub(super) sent_bytes: usize,
    first: OnceLock<Duration>,
    items: AtomicU64,
    bytes: AtomicU64,
}

impl Entry {
    fn new(message: &JsonRpcMessage) -> Self {
        let tool = peek::tool_name(message).ok().flatten();
        Self {
            context: message.context().cloned(),
            id: message.owned_id(),
            method: message.method().map(Into::into),
            tool: tool.map(|name| beginning(&name, TOOL).into()),
            is_listen: message.is_listen(),
            since: Instant::now(),
            sent_bytes: message.bytes().len(),
            first: OnceLock::new(),
            items: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    pub(super) fn session(&self) -> Option<&str> {
        self.context.as_ref()?.session_id()
    }

    /// Until the first message of the reply.
    pub(super) fn first(&self) -> Option<Duration> {
        self.first.get().copied()
    }

    /// Messages of the reply so far.
    pub(super) fn items(&self) -> u64 {
        self.items.load(Ordering::Relaxed)
    }

    /// Their bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn see(&self, message: &JsonRpcMessage) {
        let _ = self.first.set(self.since.elapsed());
        self.items.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(message.bytes().len() as u64, Ordering::Relaxed);
    }
}

fn beginning(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// What became of a request.
pub(super) enum Outcome {
    Answered,
    Error,
    Failed,
    Cancelled,
}

pub(super) struct Exchange {
    state: Arc<State>,
    entry: Arc<Entry>,
    /// In the table; requests have one.
    place: Option<Option<u64>>,
    /// Kept where components are to be learned from it.
    request: Option<(JsonRpcMessage, u64)>,
    answer: Option<Outcome>,
}

impl Exchange {
    pub(super) fn new(state: &Arc<State>, message: &JsonRpcMessage) -> Self {
        let entry = Arc::new(Entry::new(message));
        let is_request = message.kind() == Kind::Request;
        let place = is_request.then(|| state.lock().begin(&entry));
        let exchange = Self {
            state: state.clone(),
            place,
            request: is_request.then(|| state.keeps(message)).flatten(),
            answer: None,
            entry,
        };
        // A front end's own listen is no message of anybody's.
        if !message.is_session_listen() {
            exchange.state.log(&exchange.entry, || What::Sent(message.clone().detach()));
        }
        exchange
    }
}

impl tap::Exchange for Exchange {
    fn received(&mut self, message: &JsonRpcMessage) {
        self.entry.see(message);
        if message.kind() == Kind::Response {
            self.answer = Some(if message.error().is_some() { Outcome::Error } else { Outcome::Answered });
        }
        self.state.observe(self.request.as_ref(), message);
        self.state.log(&self.entry, || What::Received(message.clone().detach()));
    }

    fn ended(&mut self, how: Ending<'_>) {
        let answered = self.answer.take();
        let outcome = match (answered, &how) {
            (Some(answered), _) => answered,
            (None, Ending::Cancelled) => Outcome::Cancelled,
            (None, Ending::Complete | Ending::Failed(_)) => Outcome::Failed,
        };
        let is_request = self.place.is_some();
        if let Some(place) = self.place.take() {
            self.state.lock().end(place, &self.entry, &outcome);
        }
        match (how, outcome) {
            (Ending::Failed(error), _) => {
                let error = error.cloned();
                self.state.log(&self.entry, || What::Failed(error));
            }
            (Ending::Cancelled, Outcome::Cancelled) => self.state.log(&self.entry, || What::Cancelled),
            (Ending::Complete, Outcome::Failed) if is_request => {
                self.state.log(&self.entry, || What::Unanswered);
            }
            _ => {}
        }
    }
}
