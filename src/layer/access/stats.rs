//! What a policy did.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::macros::counters;

/// What the policies of a handle did, whichever were in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests and notifications of clients that were let pass.
    pub allowed: u64,
    /// Those that were refused, because they are denied.
    pub denied: u64,
    /// Those that would have been, if the policy or the rule did not only tell.
    pub would_deny: u64,
    /// Messages of either side that could not be judged, and were refused.
    pub malformed: u64,
    /// Entries that were left out of lists.
    pub hidden: u64,
    /// Entries that would have been.
    pub would_hide: u64,
    /// Lists and other results that could not be judged: the client got an error in their place.
    pub refused_results: u64,
    /// Questions of servers that were refused.
    pub refused_questions: u64,
    /// Notifications of servers that were kept from clients.
    pub dropped: u64,
    /// Policies that came into force after the first.
    pub replaced: u64,
}

counters!(
    allowed denied would_deny malformed hidden would_hide refused_results refused_questions dropped replaced
);

pub(super) fn add(count: &AtomicU64) {
    add_many(count, 1);
}

pub(super) fn add_many(count: &AtomicU64, many: u64) {
    count.fetch_add(many, Ordering::Relaxed);
}
