//! Durations, counted in fixed memory.

use std::fmt;
use std::time::Duration;

/// Bits of a duration that are kept: eight buckets for each power of two.
const BITS: u32 = 3;
const LINEAR: u64 = 1 << BITS;
/// Up to 2^40 µs, which is twelve days; longer ones are in the last.
const BUCKETS: usize = (40 - BITS as usize + 1) << BITS;

/// How long something took: 2.4 KiB, however often.
///
/// Up to 8 µs it is exact to the microsecond, beyond to 12.5 %: a quantile is told as the end of its bucket, and never
/// as more than the longest of all.
///
/// ```
/// use std::time::Duration;
/// use shadowcat::layer::debug::Histogram;
///
/// let mut times = Histogram::new();
/// (1..=100).for_each(|ms| times.record(Duration::from_millis(ms)));
/// assert_eq!((times.count(), times.max()), (100, Duration::from_millis(100)));
/// let median = times.quantile(0.5).as_secs_f64() * 1000.0;
/// assert!((50.0..=57.0).contains(&median), "{median}");
/// ```
#[derive(Clone)]
pub struct Histogram {
    buckets: Box<[u64; BUCKETS]>,
    count: u64,
    max: Duration,
}

impl Histogram {
    /// An empty one.
    pub fn new() -> Self {
        Self { buckets: Box::new([0; BUCKETS]), count: 0, max: Duration::ZERO }
    }

    /// Counts one duration.
    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(micros)] += 1;
        self.count += 1;
        self.max = self.max.max(took);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest; zero where there is none.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// What this share of them, of 1, did not exceed: 0.99 for all but the longest hundredth. Zero where there is none.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (share.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let found = self.buckets.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found.map_or(Duration::ZERO, |at| match at + 1 {
            BUCKETS => self.max,
            _ => Duration::from_micros(last_of(at)).min(self.max),
        })
    }
}

fn bucket(micros: u64) -> usize {
    if micros < LINEAR {
        return micros as usize;
    }
    let power = micros.ilog2() - BITS;
    let at = (u64::from(power + 1) << BITS) + ((micros >> power) & (LINEAR - 1));
    usize::try_from(at).map_or(BUCKETS - 1, |at| at.min(BUCKETS - 1))
}

/// The longest that is in a bucket, in microseconds.
fn last_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < LINEAR {
        return bucket;
    }
    let (power, rest) = ((bucket >> BITS) - 1, bucket & (LINEAR - 1));
    ((LINEAR + rest + 1) << power) - 1
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("count", &self.count)
            .field("p50", &self.quantile(0.5))
            .field("p99", &self.quantile(0.99))
            .field("max", &self.max)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_in_the_bucket_that_ends_behind_it_and_close() {
        let mut before = 0;
        for micros in
            (0..5_000).chain((13..40).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 1]))
        {
            let at = bucket(micros);
            assert!(at >= before && last_of(at) >= micros, "{micros}");
            assert!(last_of(at) - micros <= micros / 8, "{micros}");
            assert!(at == 0 || last_of(at - 1) < micros, "{micros}");
            before = at;
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn what_is_too_long_is_told_as_the_longest() {
        let mut times = Histogram::new();
        assert_eq!(times.quantile(0.5), Duration::ZERO);
        times.record(Duration::MAX);
        assert_eq!((times.quantile(0.0), times.quantile(1.0)), (Duration::MAX, Duration::MAX));
    }
}
