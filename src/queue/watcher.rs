//! Who sees what becomes of a queue.

use std::sync::Arc;

use super::Shared;

/// Knows a queue without keeping it open.
#[derive(Debug)]
pub(crate) struct Watcher<T>(pub(super) Arc<Shared<T>>);

impl<T> Watcher<T> {
    /// Nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Items that found no room, or nobody to read them, so far.
    pub(crate) fn lost(&self) -> u64 {
        self.0.lost()
    }

    /// Waits until nobody reads any more.
    pub(crate) async fn closed(&self) {
        loop {
            let progress = self.0.progress.notified();
            if self.is_closed() {
                return;
            }
            progress.await;
        }
    }
}
