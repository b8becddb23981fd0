use std::path::Path;

use procfs::ProcError;

use crate::error::BoxError;

/// Why a process cannot be watched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// It does not run, or has ended and waits for its parent.
    #[error(
        "there is no process {pid}: it has ended, or it is in another container or hidden by /proc's `hidepid`"
    )]
    NoSuchProcess {
        /// The number that was asked for.
        pid: u32,
    },
    /// The number is one of a thread.
    #[error("{pid} is a thread of process {process}: attach to {process}")]
    Thread {
        /// The number that was asked for.
        pid: u32,
        /// The process that the thread belongs to.
        process: u32,
    },
    /// The system does not let us look.
    #[error(
        "process {pid} may not be read: run as its user or as root, or in the group that /proc's `gid=` names"
    )]
    Denied {
        /// The number that was asked for.
        pid: u32,
    },
    /// /proc is missing, or does not say what it should.
    #[error("/proc does not tell about process {pid}: {source}")]
    Unreadable {
        /// The number that was asked for.
        pid: u32,
        /// What went wrong.
        source: BoxError,
    },
}

impl AttachError {
    pub(super) fn new(pid: u32, error: ProcError) -> Self {
        match error {
            ProcError::PermissionDenied(_) => Self::Denied { pid },
            ProcError::NotFound(_) if Path::new("/proc/self/stat").exists() => Self::NoSuchProcess { pid },
            error => Self::Unreadable { pid, source: error.into() },
        }
    }

    /// The number that was asked for.
    pub fn pid(&self) -> u32 {
        match self {
            Self::NoSuchProcess { pid }
            | Self::Thread { pid, .. }
            | Self::Denied { pid }
            | Self::Unreadable { pid, .. } => *pid,
        }
    }
}
