//! Copies of a message that a layer has made.

use std::sync::Arc;

use super::Exchange;
use super::state::{RECORDING, Shared};
use crate::message::{Direction, JsonRpcMessage};
use crate::tape::{Edge, Entry, EntryKind};

/// So many copies of one message are put on the tape; of more, how many there were. A flood is no reason to lose what others
/// say.
const MOST: usize = 64;

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

    /// So many are written.
    pub(crate) fn made(&self, copies: usize) {
        if self.shared.mode() != RECORDING {
            return;
        }
        (0..copies.min(MOST)).for_each(|_| self.shared.say(self.entry.clone(), None, self.owed));
        if copies > MOST {
            let mut note = self.entry.clone();
            note.kind = EntryKind::Note;
            note.bytes = format!("{} more copies of the message before it", copies - MOST).into();
            self.shared.say(note, None, self.owed);
        }
    }
}
