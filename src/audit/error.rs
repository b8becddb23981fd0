//! Why a log is not opened.

use std::io;
use std::path::PathBuf;

/// A log is not opened: nothing was written, and nothing may go on without it.
#[derive(Debug, thiserror::Error)]
#[error("the audit log {}: {why}", .path.display())]
pub struct OpenError {
    path: PathBuf,
    #[source]
    why: Why,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Why {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it is no regular file")]
    NoFile,
    #[error("it has more than one name")]
    Linked,
    #[error("it belongs to another user")]
    Foreign,
    #[error("others may read or write it: its mode is {0:o} and must be 600")]
    Mode(u32),
    #[error("another log writes it")]
    Busy,
    #[error("its end does not hold: {0}")]
    Damaged(String),
}

impl OpenError {
    pub(super) fn new(path: impl Into<PathBuf>, why: impl Into<Why>) -> Self {
        Self { path: path.into(), why: why.into() }
    }

    /// The end of the file is not what this log wrote with this key; [`Verifier`](super::Verifier) tells more. To go on all
    /// the same, put the file aside.
    pub fn is_damaged(&self) -> bool {
        matches!(self.why, Why::Damaged(_))
    }

    /// Another log, in this process or another, writes it.
    pub fn is_busy(&self) -> bool {
        matches!(self.why, Why::Busy)
    }
}
