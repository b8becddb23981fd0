//! How long the calls of each method take.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Histogram;
use super::exchange::Outcome;

/// Methods that are told apart; names come from the peer.
const MAX_METHODS: usize = 64;
/// In bytes. A method with a longer name is timed with the others.
const MAX_NAME: usize = 128;

/// Calls of one method. A listen is none: it stays open.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Times {
    /// Until the first message of the reply.
    pub first: Histogram,
    /// Until the response.
    pub whole: Histogram,
    /// Answered with a result. A tool's `isError` is one.
    pub answered: u64,
    /// Answered with an error.
    pub errors: u64,
    /// Not answered: the channel below broke.
    pub failed: u64,
    /// Not answered: the call was dropped.
    pub cancelled: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Methods {
    by_name: BTreeMap<Box<str>, Times>,
    others: Times,
}

impl Methods {
    pub(super) fn record(
        &mut self,
        method: &str,
        first: Option<Duration>,
        whole: Duration,
        outcome: &Outcome,
    ) {
        let times = self.times(method);
        first.iter().for_each(|first| times.first.record(*first));
        match outcome {
            Outcome::Answered => times.answered += 1,
            Outcome::Error => times.errors += 1,
            Outcome::Failed => times.failed += 1,
            Outcome::Cancelled => times.cancelled += 1,
        }
        if matches!(outcome, Outcome::Answered | Outcome::Error) {
            times.whole.record(whole);
        }
    }

    fn times(&mut self, method: &str) -> &mut Times {
        let is_known = self.by_name.contains_key(method);
        if !is_known && (self.by_name.len() >= MAX_METHODS || method.len() > MAX_NAME) {
            return &mut self.others;
        }
        self.by_name.entry(method.into()).or_default()
    }

    /// Each method by its name, and all others under none.
    pub(super) fn all(&self) -> Vec<(Option<String>, Times)> {
        let named = self.by_name.iter().map(|(name, times)| (Some(name.to_string()), times.clone()));
        let is_used = self.others.first.count() + self.others.failed + self.others.cancelled > 0;
        named.chain(is_used.then(|| (None, self.others.clone()))).collect()
    }
}
