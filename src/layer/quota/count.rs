//! What was let through, key by key.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::key::Key;
use super::limit::Amount;
use crate::clock::FAR;

/// A full table is looked through for room no more often.
const PAUSE: Duration = Duration::from_secs(1);

/// The counts of one limit.
#[derive(Debug, Default)]
pub(super) struct Counts {
    keys: HashMap<Key, Count>,
    /// Of all for whom there was no room.
    others: Option<Count>,
    swept: Option<Instant>,
}

/// One key's count. It means nothing after `until`: then the key is as one that never was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    until: Instant,
    /// Of a quota.
    used: u64,
}

/// Where a request is counted, once it passes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    key: Option<Key>,
    count: Count,
}

impl Place {
    /// It is the one that those share for whom there is no room.
    pub(super) fn is_shared(&self) -> bool {
        self.key.is_none()
    }
}

impl Counts {
    /// What the count will be if the request passes.
    ///
    /// # Errors
    ///
    /// It does not pass before this time is over.
    pub(super) fn ask(
        &mut self,
        key: Key,
        amount: Amount,
        most: usize,
        now: Instant,
    ) -> Result<Place, Duration> {
        let known = self.keys.get(&key).copied();
        let key = (known.is_some() || self.has_room(most, now)).then_some(key);
        let before = if key.is_some() { known } else { self.others };
        let count = next(amount, before.filter(|count| count.until > now), now)?;
        Ok(Place { key, count })
    }

    pub(super) fn put(&mut self, place: Place) {
        match place.key {
            Some(key) => _ = self.keys.insert(key, place.count),
            None => self.others = Some(place.count),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Only what holds nobody back any more makes room, so that nobody gets rid of a count by filling the table.
    fn has_room(&mut self, most: usize, now: Instant) -> bool {
        if self.keys.len() < most {
            return true;
        }
        if self.swept.is_none_or(|swept| now >= swept + PAUSE) {
            self.swept = Some(now);
            self.keys.retain(|_, count| count.until > now);
        }
        self.keys.len() < most
    }
}

/// The count with one more.
fn next(amount: Amount, before: Option<Count>, now: Instant) -> Result<Count, Duration> {
    match amount {
        Amount::Rate { interval, burst } => {
            let left = before.map_or(Duration::ZERO, |count| count.until - now);
            let (taken, most) = (left.saturating_add(interval), interval.saturating_mul(burst));
            match taken.checked_sub(most) {
                // What no clock reaches is never paid back.
                None | Some(Duration::ZERO) if burst > 0 => {
                    now.checked_add(taken).map(|until| Count { until, used: 0 }).ok_or(interval)
                }
                over => Err(over.unwrap_or_default()),
            }
        }
        Amount::Quota { most, window } => {
            let count = before.unwrap_or_else(|| Count { until: after(now, window), used: 0 });
            match count.used < most {
                true => Ok(Count { used: count.used + 1, ..count }),
                false => Err(count.until - now),
            }
        }
    }
}

/// What no clock reaches is far away.
fn after(now: Instant, time: Duration) -> Instant {
    now.checked_add(time).unwrap_or_else(|| now + FAR)
}
