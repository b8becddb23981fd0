//! What is known about the leaf, as it changes.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::watch;

use crate::error::Error;

/// How a supervised leaf is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Status {
    /// It is being made, or will be once the backoff is over; calls wait. `after` tells why it is made again.
    #[non_exhaustive]
    Starting {
        /// What ended the one before.
        after: Option<Error>,
    },
    /// Calls go through.
    Running,
    /// It does not answer health checks. It will be stopped.
    #[non_exhaustive]
    Unhealthy {
        /// Of the last check.
        why: Error,
    },
    /// It was told to end.
    Stopping,
    /// It ended, and is not made again.
    Stopped,
    /// It failed, and is not made again: calls fail at once with this error.
    #[non_exhaustive]
    Failed {
        /// The last failure.
        why: Error,
    },
}

impl Status {
    /// Whether nothing more will happen.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Stopped | Self::Failed { .. })
    }

    /// Whether calls go through.
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting { after: None } => f.write_str("starting"),
            Self::Starting { after: Some(why) } => write!(f, "starting again ({why})"),
            Self::Running => f.write_str("running"),
            Self::Unhealthy { why } => write!(f, "unhealthy ({why})"),
            Self::Stopping => f.write_str("stopping"),
            Self::Stopped => f.write_str("stopped"),
            Self::Failed { why } => write!(f, "failed ({why})"),
        }
    }
}

/// The status now, and each time that it has changed: a stream that ends behind the final one.
///
/// It holds no claim on the leaf. A reader that is slower than the changes sees the last of them; `tracing` has
/// them all.
#[must_use = "a stream does nothing unless it is polled"]
pub struct Statuses {
    changed: Pin<Box<dyn Future<Output = Option<watch::Receiver<Status>>> + Send + Sync>>,
    over: bool,
}

impl Statuses {
    pub(super) fn new(mut receiver: watch::Receiver<Status>) -> Self {
        receiver.mark_changed();
        Self { changed: Box::pin(changed(receiver)), over: false }
    }
}

async fn changed(mut receiver: watch::Receiver<Status>) -> Option<watch::Receiver<Status>> {
    receiver.changed().await.ok().map(|()| receiver)
}

impl Stream for Statuses {
    type Item = Status;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Status>> {
        if self.over {
            return Poll::Ready(None);
        }
        let next = match self.changed.as_mut().poll(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(next) => next,
        };
        let status = next.map(|mut receiver| {
            let status = receiver.borrow_and_update().clone();
            self.changed = Box::pin(changed(receiver));
            status
        });
        self.over = status.as_ref().is_none_or(Status::is_final);
        Poll::Ready(status)
    }
}

impl fmt::Debug for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statuses").field("over", &self.over).finish_non_exhaustive()
    }
}

/// What happened so far, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Leaves that were made.
    pub starts: u64,
    /// Leaves that could not be made, or whose session could not be re-established.
    pub failed_starts: u64,
    /// Health checks that were not answered in time.
    pub failed_checks: u64,
    /// Leaves that were stopped because they were unhealthy.
    pub unhealthy: u64,
    /// Sessions that were lost with their leaf.
    pub lost_sessions: u64,
    /// Sessions that were re-established on a new leaf.
    pub reestablished: u64,
    /// Calls refused because too many waited for a leaf.
    pub refused: u64,
}
