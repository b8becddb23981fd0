//! The bounds of a pool, and what it counts.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::error::BoxError;

pub(super) type Check<L> =
    Arc<dyn Fn(L) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>> + Send + Sync>;

pub(super) struct Settings<L> {
    pub(super) spawn_ahead: usize,
    pub(super) max_idle: usize,
    pub(super) max_processes: usize,
    pub(super) spawn_timeout: Duration,
    pub(super) check: Option<Check<L>>,
    pub(super) check_limit: Duration,
    pub(super) check_every: Duration,
}

impl<L> Default for Settings<L> {
    fn default() -> Self {
        Self {
            spawn_ahead: 1,
            max_idle: 8,
            max_processes: 64,
            spawn_timeout: Duration::from_secs(30),
            check: None,
            check_limit: Duration::from_secs(5),
            check_every: Duration::from_secs(30),
        }
    }
}

impl<L> Settings<L> {
    /// The spares that are to be there.
    pub(super) fn ahead(&self) -> usize {
        self.spawn_ahead.min(self.max_idle).min(self.max_processes)
    }
}

impl<L> fmt::Debug for Settings<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("spawn_ahead", &self.spawn_ahead)
            .field("max_idle", &self.max_idle)
            .field("max_processes", &self.max_processes)
            .finish_non_exhaustive()
    }
}

/// A [`Pool`](super::Pool) in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Spares now, those that are being checked included.
    pub idle: usize,
    /// Leaves that somebody has now.
    pub in_use: usize,
    /// Leaves that exist now and have been made: spare, in use, or about to end.
    pub alive: usize,
    /// Made so far.
    pub made: u64,
    /// Attempts to make one that failed.
    pub failed: u64,
    /// Spares that were thrown away: ended, failed their check, or one too many.
    pub thrown_away: u64,
}
