//! What checks found.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::macros::counters;

/// What the schemas of a handle did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Calls whose arguments are as the schema asks.
    pub valid: u64,
    /// Calls whose arguments break it.
    pub violations: u64,
    /// Calls that could not be checked: by their schema, or by their size.
    pub unusable: u64,
    /// Calls of tools that were in no list, or had no schema there.
    pub unlisted: u64,
    /// Calls that were refused, of all these.
    pub refused: u64,
    /// Schemas that were made ready.
    pub compiled: u64,
    /// Tools of lists that were not kept, because there was no room.
    pub left_out: u64,
}

counters!(valid violations unusable unlisted refused compiled left_out);

pub(super) fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
