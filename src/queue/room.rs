//! Waiting for room.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::Shared;

/// One that waits for room in a queue, without keeping it open. Nothing is left of it when it is dropped.
pub(crate) struct Room<T> {
    shared: Arc<Shared<T>>,
    /// Its place among those that wait.
    place: Option<u64>,
}

impl<T> Room<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared, place: None }
    }

    /// There is room, or nobody to wait for.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.shared.has_room() {
            self.leave();
            return Poll::Ready(());
        }
        let mut state = self.shared.lock();
        if !state.is_full(0) || state.receiver_gone {
            drop(state);
            self.leave();
            return Poll::Ready(());
        }
        let place = *self.place.get_or_insert_with(|| state.next_place());
        let before = state.blocked.insert(place, cx.waker().clone());
        // A waker may do anything when it is dropped.
        drop(state);
        drop(before);
        Poll::Pending
    }

    fn leave(&mut self) {
        if let Some(place) = self.place.take() {
            let left = self.shared.lock().blocked.remove(&place);
            drop(left);
        }
    }
}

impl<T> Drop for Room<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T> fmt::Debug for Room<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("waits", &self.place.is_some()).finish_non_exhaustive()
    }
}
