//! What is in flight, and what was.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use super::exchange::{Entry, Outcome};
use super::times::Methods;

/// Calls that are shown one by one; what is beyond is counted.
const MAX_CALLS: usize = 4096;
/// Sessions that are told apart. The one that was silent for longest is forgotten first.
const MAX_SESSIONS: usize = 256;
/// In bytes. Of a longer name, the session is not told apart.
const MAX_NAME: usize = 128;

#[derive(Default)]
pub(super) struct Table {
    next: u64,
    pub(super) calls: BTreeMap<u64, Arc<Entry>>,
    /// Calls that found no room above.
    pub(super) beyond: u64,
    pub(super) sessions: HashMap<Box<str>, Seen>,
    pub(super) forgotten: u64,
    pub(super) methods: Methods,
    pub(super) totals: Totals,
}

/// A session, as far as it was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) first: Instant,
    pub(super) last: Instant,
    pub(super) requests: u64,
    pub(super) received: u64,
}

/// What there was in all, without listens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Requests that went on.
    pub requests: u64,
    /// Those with a result.
    pub answered: u64,
    /// Those with an error.
    pub errors: u64,
    /// Those without an answer, because the channel below broke.
    pub failed: u64,
    /// Those without an answer, because they were dropped.
    pub cancelled: u64,
}

impl Table {
    /// Takes up a request. Its place, if it found one.
    pub(super) fn begin(&mut self, entry: &Arc<Entry>) -> Option<u64> {
        self.see(entry.session(), u64::from(!entry.is_listen), 0);
        self.totals.requests += u64::from(!entry.is_listen);
        if self.calls.len() >= MAX_CALLS {
            self.beyond += 1;
            return None;
        }
        self.next += 1;
        self.calls.insert(self.next, entry.clone());
        Some(self.next)
    }

    /// The request is over.
    pub(super) fn end(&mut self, place: Option<u64>, entry: &Entry, outcome: &Outcome) {
        match place {
            Some(place) => drop(self.calls.remove(&place)),
            None => self.beyond -= 1,
        }
        self.see(entry.session(), 0, entry.items());
        if entry.is_listen {
            return;
        }
        match outcome {
            Outcome::Answered => self.totals.answered += 1,
            Outcome::Error => self.totals.errors += 1,
            Outcome::Failed => self.totals.failed += 1,
            Outcome::Cancelled => self.totals.cancelled += 1,
        }
        let method = entry.method.as_deref().unwrap_or_default();
        self.methods.record(method, entry.first(), entry.since.elapsed(), outcome);
    }

    fn see(&mut self, session: Option<&str>, requests: u64, received: u64) {
        let name = session.filter(|name| name.len() <= MAX_NAME).unwrap_or_default();
        let now = Instant::now();
        if !self.sessions.contains_key(name) {
            self.forget_one();
            let seen = Seen { first: now, last: now, requests: 0, received: 0 };
            self.sessions.insert(name.into(), seen);
        }
        if let Some(seen) = self.sessions.get_mut(name) {
            seen.last = now;
            seen.requests += requests;
            seen.received += received;
        }
    }

    fn forget_one(&mut self) {
        if self.sessions.len() < MAX_SESSIONS {
            return;
        }
        let oldest = self.sessions.iter().min_by_key(|(_, seen)| seen.last).map(|(name, _)| name.clone());
        if let Some(oldest) = oldest {
            self.sessions.remove(&oldest);
            self.forgotten += 1;
        }
    }
}
