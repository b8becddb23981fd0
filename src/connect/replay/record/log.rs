//! What is said while a tape is recorded, in memory: it is one that fits there when it is replayed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::message::{Direction, JsonRpcMessage};
use crate::tape::{Entry, EntryKind, Outcome};

/// The entries so far.
#[derive(Debug)]
pub(super) struct Log {
    began: Instant,
    max_bytes: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: Vec<Entry>,
    bytes: usize,
    calls: u64,
    /// There was no room for all.
    is_full: bool,
}

impl Log {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { began: Instant::now(), max_bytes, inner: Mutex::default() }
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
        let mut entry = Entry::message(&message.clone().detach(), direction);
        entry.call = call;
        self.add(entry);
    }

    pub(super) fn ended(&self, call: u64, outcome: Outcome, why: String) {
        self.add(Entry::new(EntryKind::End, Direction::ToClient, why).call(call).outcome(outcome));
    }

    fn add(&self, entry: Entry) {
        let entry = entry.at(self.began.elapsed());
        let mut inner = self.lock();
        inner.bytes = inner.bytes.saturating_add(entry.bytes.len() + size_of::<Entry>());
        inner.is_full |= inner.bytes > self.max_bytes;
        if !inner.is_full {
            inner.entries.push(entry);
        }
    }

    /// All that was said; `None` if it was too much.
    pub(super) fn entries(&self) -> Option<Vec<Entry>> {
        let inner = self.lock();
        (!inner.is_full).then(|| inner.entries.clone())
    }
}
