//! Copies of a message that a layer has made.

use std::sync::Arc;

use super::Exchange;
use super::state::{RECORDING, Shared};
use crate::message::{Direction, JsonRpcMessage};
use crate::tape::{Edge, Entry};

/// What is put on the tape once a message is repeated on its way from here: nobody but a layer has said it again.
pub(crate) struct Copies {
    shared: Arc<Shared>,
    entry: Entry,
    owed: bool,
}

impl Exchange {
    /// Of a message of this exchange that was recorded; `None` where nothing is.
    pub(crate) fn copies(&self, message: &JsonRpcMessage, direction: Direction) -> Option<Copies> {
        let shared = self.recording()?.clone();
        let entry = self.dress(Entry::message_detached(message, direction)).synthetic();
        Some(Copies { shared, entry, owed: self.is_owed(false) })
    }
}

impl Copies {
    /// Tells the recorder, and the edge at which it looks, from others.
    pub(crate) fn who(&self) -> u64 {
        u64::from(self.shared.id) << 1 | u64::from(self.entry.edge == Edge::Upstream)
    }

    /// So many were made.
    pub(crate) fn made(&self, copies: usize) {
        if self.shared.mode() == RECORDING {
            (0..copies).for_each(|_| self.shared.say(self.entry.clone(), None, self.owed));
        }
    }
}
