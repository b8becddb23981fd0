//! What all sessions and requests together may keep in memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::replay::{Kept, lock};

/// Registered buffers below which those that are gone are not looked for.
const FEW: usize = 64;

/// Bytes of bodies that are being read and of events that are kept. Where there is no room, the oldest events go.
pub(super) struct Budget {
    max: usize,
    used: AtomicUsize,
    /// The number of the next event, of whatever session.
    events: AtomicU64,
    kept: Mutex<Registry>,
}

#[derive(Default)]
struct Registry {
    all: Vec<Weak<Mutex<Kept>>>,
    /// With this many, those that are gone are looked for.
    crowd: usize,
}

/// What one body takes, until it is dropped.
pub(super) struct Claim<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl Budget {
    pub(super) fn new(max: usize) -> Self {
        Self { max, used: AtomicUsize::new(0), events: AtomicU64::new(0), kept: Mutex::default() }
    }

    /// Where the events of a session are kept, so that they can be let go of.
    pub(super) fn register(&self, kept: &Arc<Mutex<Kept>>) {
        let mut registry = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if registry.all.len() >= registry.crowd {
            registry.all.retain(|kept| kept.strong_count() > 0);
            registry.crowd = FEW.max(2 * registry.all.len());
        }
        registry.all.push(Arc::downgrade(kept));
    }

    pub(super) fn next_event(&self) -> u64 {
        self.events.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn claim(&self) -> Claim<'_> {
        Claim { budget: self, bytes: 0 }
    }

    /// Takes so many bytes; false where there is no room for them, whatever goes. Nothing that is kept may be locked.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let used = self.used.fetch_add(bytes, Ordering::AcqRel).saturating_add(bytes);
        let fits = used <= self.max || {
            self.let_go(self.max.saturating_sub(self.max / 8));
            self.used.load(Ordering::Acquire) <= self.max
        };
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    pub(super) fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::AcqRel);
    }

    /// Lets go of the oldest events, until so much is left or none is.
    fn let_go(&self, goal: usize) {
        let registry = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<_> = registry.all.iter().filter_map(Weak::upgrade).collect();
        let first = |at: usize| lock(&all[at]).oldest().map(|number| Reverse((number, at)));
        let mut oldest: BinaryHeap<_> = (0..all.len()).filter_map(first).collect();
        while self.used.load(Ordering::Acquire) > goal
            && let Some(Reverse((_, at))) = oldest.pop()
        {
            let freed = lock(&all[at]).forget_oldest();
            self.give_back(freed);
            oldest.extend(first(at));
        }
    }
}

impl Claim<'_> {
    /// False where there is no room for so many more bytes.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let fits = self.budget.take(bytes);
        self.bytes += if fits { bytes } else { 0 };
        fits
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.give_back(self.bytes);
        }
    }
}
