//! Waiting until a recorder has room.

use std::sync::Weak;
use std::task::{Context, Poll};

use super::Recorder;
use super::state::{Item, RECORDING, Shared};
use crate::queue;

/// One that waits for room. It does not keep the tape open, and nothing is left of it when it is dropped.
pub(crate) struct Room {
    room: queue::Room<Item>,
    shared: Weak<Shared>,
}

impl Room {
    pub(crate) fn of(recorder: &Recorder) -> Self {
        let Recorder { shared, .. } = recorder;
        Self { room: shared.queue().room(), shared: std::sync::Arc::downgrade(shared) }
    }

    /// There is room, or nobody to wait for, or nothing is recorded now.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // In this order: whoever pauses wakes those who wait by then.
        let polled = self.room.poll(cx);
        if self.shared.upgrade().is_some_and(|shared| shared.mode() == RECORDING) {
            polled
        } else {
            Poll::Ready(())
        }
    }
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.room.fmt(f)
    }
}
