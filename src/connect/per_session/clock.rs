//! One timer for all sessions: it counts parts of the idle timeout, and a session remembers a count.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::table::Shared;
use crate::connect::leaf::MakeLeaf;

/// Parts that the idle timeout is counted in.
pub(super) const PARTS: u32 = 16;
/// The shortest part.
const SHORTEST: Duration = Duration::from_millis(1);

pub(super) struct Clock {
    ticks: Arc<Ticks>,
    limit: Mutex<Duration>,
    closed: watch::Sender<bool>,
}

/// Read on every call, so that no call asks for the time.
#[derive(Debug, Default)]
pub(super) struct Ticks(AtomicU32);

impl Ticks {
    pub(super) fn now(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            ticks: Arc::default(),
            limit: Mutex::new(Duration::from_secs(30 * 60)),
            closed: watch::Sender::new(false),
        }
    }
}

impl Clock {
    pub(super) fn ticks(&self) -> &Arc<Ticks> {
        &self.ticks
    }

    pub(super) fn set_limit(&self, limit: Duration) {
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner) = limit;
    }

    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }

    fn part(&self) -> Duration {
        let limit = *self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        (limit / PARTS).max(SHORTEST)
    }
}

/// Ticks while there are sessions.
pub(super) fn start<M: MakeLeaf>(shared: &Arc<Shared<M>>) {
    let weak = Arc::downgrade(shared);
    let mut closed = shared.clock.closed.subscribe();
    let mut next = Instant::now();
    tokio::spawn(async move {
        while let Some(shared) = weak.upgrade() {
            next += shared.clock.part();
            drop(shared);
            tokio::select! {
                _ = closed.wait_for(|closed| *closed) => return,
                () = sleep_until(next) => {}
            }
            let Some(shared) = weak.upgrade() else { return };
            shared.clock.ticks.0.fetch_add(1, Relaxed);
            if !shared.sweep() {
                return;
            }
        }
    });
}
