//! Waiting until a recorder has room.

use std::task::{Context, Poll};

use super::Recorder;
use super::state::Item;
use crate::queue;

/// One that waits for room. It does not keep the tape open, and nothing is left of it when it is dropped.
#[derive(Debug)]
pub(crate) struct Room(queue::Room<Item>);

impl Room {
    pub(crate) fn of(recorder: &Recorder) -> Self {
        Self(recorder.shared.queue().room())
    }

    /// There is room, or nobody to wait for.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll(cx)
    }
}
