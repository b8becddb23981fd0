//! Limits that the kernel holds each process to. Whatever it starts afterwards inherits them.

use std::io;
use std::time::Duration;

use procfs::ProcError;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::connect::child::limits::Limits;

/// What the system is told, per resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rlimits {
    pub(super) cpu_time: Option<(u64, u64)>,
    pub(super) open_files: Option<u64>,
    pub(super) address_space: Option<u64>,
    pub(super) core: Option<u64>,
}

impl Rlimits {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            cpu_time: limits.cpu_time.map(cpu),
            open_files: limits.open_files,
            address_space: limits.address_space,
            core: (!limits.core_dumps).then_some(0),
        }
    }

    /// One limit of one process, if it was asked for. A process that is gone needs none.
    pub(super) fn set(&self, pid: Pid, resource: Resource) -> io::Result<()> {
        let (soft, hard) = match resource {
            Resource::Cpu => self.cpu_time,
            Resource::Nofile => self.open_files.map(same),
            Resource::As => self.address_space.map(same),
            Resource::Core => self.core.map(same),
            _ => None,
        }
        .unzip();
        let (Some(soft), Some(hard)) = (soft, hard) else { return Ok(()) };
        // What we are held to ourselves is inherited, and only root may raise it.
        let ours = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let new = Rlimit { current: Some(soft.min(ours)), maximum: Some(hard.min(ours)) };
        match prlimit(Some(pid), resource, new) {
            Ok(_) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn same(limit: u64) -> (u64, u64) {
    (limit, limit)
}

/// Whole seconds: SIGXCPU first, and SIGKILL a second later for whoever ignores it.
fn cpu(time: Duration) -> (u64, u64) {
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0)).max(1);
    (seconds, seconds.saturating_add(1))
}

/// As the rest of this crate speaks of failures.
pub(super) fn io_error(error: ProcError) -> io::Error {
    match error {
        ProcError::Io(error, _) => error,
        other => io::Error::other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_time_is_rounded_up_to_what_the_kernel_can_count() {
        assert_eq!(cpu(Duration::ZERO), (1, 2));
        assert_eq!(cpu(Duration::from_secs(3)), (3, 4));
        assert_eq!(cpu(Duration::from_millis(3001)), (4, 5));
        assert_eq!(cpu(Duration::MAX), (u64::MAX, u64::MAX));
    }
}
