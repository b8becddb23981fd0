//! What limits did.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::macros::counters;

/// What the limits of a handle did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests that passed.
    pub passed: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Requests that were counted by a count that many share, because there was no room.
    pub shared: u64,
    /// Messages that could not be judged, and were refused.
    pub unreadable: u64,
    /// Counts that are kept now.
    pub keys: u64,
}

counters!(passed refused shared unreadable);

pub(super) fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
