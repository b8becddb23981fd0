use std::time::{Duration, Instant};

use super::process::Reading;

/// What a process, or its whole tree, uses at one moment.
///
/// The kernel counts CPU time in ticks, of 10 ms as a rule: below an interval of about 100 ms the share is coarse.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Usage {
    /// When it was read.
    pub at: Instant,
    /// How many cores were busy with it since the sample before: 0.5 is half of one, 4 cores give at most 4. `None` in
    /// the first sample.
    pub cpu: Option<f64>,
    /// CPU time since it started, user and system. With descendants it has that of ended ones that were waited for;
    /// it falls when a descendant leaves the tree because its parent ended.
    pub cpu_time: Duration,
    /// Memory in RAM, in bytes. Pages that processes share count in each of them.
    pub resident_bytes: u64,
    /// Address space, in bytes.
    pub virtual_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// Open descriptors. `None` where they may not be counted: the process is another user's on Linux before
    /// 6.2, or the system does not tell.
    pub descriptors: Option<u64>,
    /// How many processes this is the sum of: 1, or the size of the tree.
    pub processes: u64,
}

impl Usage {
    pub(super) fn new(reading: &Reading, at: Instant, before: Option<&Self>) -> Self {
        let cpu_time = ticks(reading.cpu_ticks);
        Self {
            at,
            cpu: before.and_then(|before| share(cpu_time.saturating_sub(before.cpu_time), at - before.at)),
            cpu_time,
            resident_bytes: reading.resident_pages.saturating_mul(procfs::page_size()),
            virtual_bytes: reading.virtual_bytes,
            threads: reading.threads,
            descriptors: reading.descriptors,
            processes: reading.processes,
        }
    }
}

fn share(busy: Duration, elapsed: Duration) -> Option<f64> {
    (!elapsed.is_zero()).then(|| busy.as_secs_f64() / elapsed.as_secs_f64())
}

fn ticks(count: u64) -> Duration {
    let per_second = procfs::ticks_per_second().max(1);
    let rest = (count % per_second) as f64 / per_second as f64;
    Duration::from_secs(count / per_second) + Duration::from_secs_f64(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(cpu_ticks: u64, at: Instant, before: Option<&Usage>) -> Usage {
        Usage::new(&Reading { cpu_ticks, ..Reading::default() }, at, before)
    }

    #[test]
    fn the_share_is_what_was_used_between_two_samples() {
        let per_second = procfs::ticks_per_second();
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let first = usage(7 * per_second, start, None);
        assert_eq!((first.cpu, first.cpu_time), (None, 7 * second));
        let next = usage(8 * per_second, start + 4 * second, Some(&first));
        assert_eq!(next.cpu, Some(0.25));
        assert_eq!(usage(14 * per_second, start + 6 * second, Some(&next)).cpu, Some(3.0));
    }

    #[test]
    fn a_tree_that_lost_a_process_uses_nothing_and_no_time_gives_no_share() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let first = usage(900, start, None);
        assert_eq!(usage(100, start + second, Some(&first)).cpu, Some(0.0));
        assert_eq!(usage(950, start, Some(&first)).cpu, None);
    }
}
