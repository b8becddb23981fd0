//! What is said, as it is masked, while a tape is recorded, in memory: it is one that fits there when it is replayed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::mask::Mask;
use crate::connect::replay::ReplayError;
use crate::connect::replay::script::Wanted;
use crate::message::{Direction, JsonRpcMessage};
use crate::tape::exchange::weight;
use crate::tape::kept::Chosen;
use crate::tape::{Edge, Entry, EntryKind, Outcome};

/// The entries so far.
#[derive(Debug)]
pub(super) struct Log {
    began: Instant,
    max_bytes: usize,
    mask: Mask,
    /// Of the session and edge that a replay chooses.
    session: Option<Arc<str>>,
    edge: Edge,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: Vec<Entry>,
    bytes: usize,
    calls: u64,
    /// There was no room for all.
    is_full: bool,
    /// Something could not be masked.
    is_unmasked: bool,
}

impl Log {
    pub(super) fn new(wanted: &Wanted, mask: Mask) -> Self {
        let session = match &wanted.session {
            Chosen::Named(name) => Some(name.clone()),
            Chosen::Only | Chosen::Unnamed => None,
        };
        let (edge, max_bytes) = (wanted.edge.unwrap_or_default(), wanted.max_bytes);
        Self { began: Instant::now(), max_bytes, mask, session, edge, inner: Mutex::default() }
    }

    pub(super) fn mask(&self) -> &Mask {
        &self.mask
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for another call.
    pub(super) fn call(&self) -> u64 {
        let mut inner = self.lock();
        inner.calls += 1;
        inner.calls
    }

    pub(super) fn said(&self, message: &JsonRpcMessage, direction: Direction, call: Option<u64>) {
        let Some(masked) = self.mask.message(message) else {
            self.lock().is_unmasked = true;
            return;
        };
        let mut entry = Entry::message_detached(&masked, direction);
        entry.call = call;
        entry.synthetic &= direction == Direction::ToClient; // whoever asked: this leaf was asked
        self.add(entry);
    }

    pub(super) fn ended(&self, call: u64, outcome: Outcome, why: String) {
        let end = Entry::new(EntryKind::End, Direction::ToClient, why).call(call).outcome(outcome);
        self.add(self.mask.entry(end));
    }

    fn add(&self, entry: Entry) {
        let mut entry = entry.at(self.began.elapsed()).edge(self.edge);
        entry.session.clone_from(&self.session);
        let mut inner = self.lock();
        inner.bytes = inner.bytes.saturating_add(weight(&entry));
        inner.is_full |= inner.bytes > self.max_bytes;
        if !inner.is_full {
            inner.entries.push(entry);
        }
    }

    /// All that was said.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, ReplayError> {
        let inner = self.lock();
        match (inner.is_full, inner.is_unmasked) {
            (true, _) => Err(ReplayError::TooLarge(self.max_bytes)),
            (_, true) => Err(ReplayError::Unmaskable),
            _ => Ok(inner.entries.clone()),
        }
    }
}
