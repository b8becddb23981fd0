//! What pins did.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::macros::counters;

/// What the pins of a handle did, of all servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Tools that were trusted at first sight.
    pub trusted: u64,
    /// Definitions that were found changed, each once.
    pub changed: u64,
    /// Tools that were found new, each definition once.
    pub new: u64,
    /// Tools that were found gone.
    pub vanished: u64,
    /// Drifts for which there was no room among [`Pins::drifts`](super::Pins::drifts). They are blocked all the same.
    pub unkept: u64,
    /// Entries that were taken out of lists.
    pub hidden: u64,
    /// Calls that were refused.
    pub refused: u64,
    /// Entries and calls that would have been, had drift not been only reported.
    pub reported: u64,
    /// Lists and messages that could not be judged, and were refused.
    pub unreadable: u64,
    /// Drifts that were approved.
    pub approved: u64,
    /// Pairs of names that can be taken for each other.
    pub lookalikes: u64,
}

counters!(trusted changed new vanished unkept hidden refused reported unreadable approved lookalikes);

pub(super) fn add(count: &AtomicU64, by: usize) {
    count.fetch_add(by as u64, Ordering::Relaxed);
}
