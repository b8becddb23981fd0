//! Notifications that wait for each other, to come in another order.

use std::collections::VecDeque;

use crate::error::Error;
use crate::message::JsonRpcMessage;

/// At most so many wait.
const MOST: usize = 10_000;
/// And so many bytes.
const MOST_BYTES: usize = 1 << 20;

/// What is collected of one reply.
#[derive(Default)]
pub(super) struct Window {
    collected: Vec<JsonRpcMessage>,
    bytes: usize,
    /// What goes on before anything else.
    pub(super) ready: VecDeque<Result<JsonRpcMessage, Error>>,
}

impl Window {
    /// Nobody waits in it.
    pub(super) fn is_empty(&self) -> bool {
        self.collected.is_empty()
    }

    /// Goes on when `most` were collected, or there is no room for more.
    pub(super) fn collect(&mut self, message: JsonRpcMessage, most: usize) {
        self.bytes += message.bytes().len();
        self.collected.push(message);
        if self.collected.len() >= most.min(MOST) || self.bytes > MOST_BYTES {
            self.release();
        }
    }

    /// All go on, the last one first.
    pub(super) fn release(&mut self) {
        self.bytes = 0;
        self.ready.extend(self.collected.drain(..).rev().map(Ok));
    }

    /// The same, and then this.
    pub(super) fn close(&mut self, last: Result<JsonRpcMessage, Error>) {
        self.release();
        self.ready.push_back(last);
    }
}
