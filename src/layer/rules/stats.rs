//! What rules did.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::macros::counters;

/// What the rules of a handle did, whichever sets were in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages that were rewritten, once for each rule.
    pub rewritten: u64,
    /// Messages that were answered in the server's place.
    pub answered: u64,
    /// Messages that were blocked by a rule that says so.
    pub blocked: u64,
    /// Messages that were let go past all other rules.
    pub passed: u64,
    /// Messages that were given to be held.
    pub held: u64,
    /// Messages that were delayed.
    pub delayed: u64,
    /// Messages that were tagged, once for each rule.
    pub tagged: u64,
    /// Messages that something was to go wrong with.
    pub faulted: u64,
    /// Rules that could not do what they say: the message was blocked, or went on, as the rule says.
    pub failed: u64,
    /// Messages of which could not be told whether a rule is meant for them.
    pub undecided: u64,
    /// Messages that were damaged where they were written.
    pub damaged: u64,
    /// Messages that should have been damaged, reordered or repeated, on a way where that cannot be.
    pub unharmed: u64,
    /// Sets that came into force after the first.
    pub reloads: u64,
    /// Sets that did not, because something is wrong with them.
    pub refused: u64,
}

counters!(rewritten answered blocked passed held delayed tagged faulted failed undecided reloads refused);

pub(super) fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
