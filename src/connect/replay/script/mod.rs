//! A session as it was recorded: what was asked, what came back, and what had to happen before.

mod read;
mod sort;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::message::{JsonRpcMessage, OwnedId};

pub(super) use read::{Wanted, of_entries, read};

/// One session of a tape. Frames are counted over the whole tape, from 1.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) exchanges: Vec<Exchange>,
    /// What the client said without asking, but for cancellations.
    pub(super) notes: Vec<Note>,
    /// What the server said unasked.
    pub(super) unasked: Vec<Item>,
    /// What the server asked, by its frame.
    pub(super) questions: HashMap<usize, Question>,
    /// Those of them that were asked on the session's listen, in the order in which the client answered.
    pub(super) answered: Vec<usize>,
    /// What the tape says that was masked on it.
    pub(super) redaction: Option<Arc<str>>,
    /// How many entries the recorder lost.
    pub(super) lost: u64,
}

/// A request and what came back.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) frame: usize,
    pub(super) at: Duration,
    pub(super) request: JsonRpcMessage,
    pub(super) id: OwnedId,
    pub(super) token: Option<OwnedId>,
    pub(super) items: Vec<Item>,
    pub(super) end: End,
}

/// A message to the client.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) frame: usize,
    pub(super) at: Duration,
    pub(super) message: JsonRpcMessage,
    /// Questions of its own call that the client had answered since the item before.
    pub(super) needs: Vec<usize>,
    /// The same of the session's listen: which of the [answered](Script::answered).
    pub(super) heard: Range<usize>,
    /// Of what came on a listen: the frame that came before it anywhere else.
    pub(super) cause: usize,
}

/// How an exchange ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) frame: usize,
    pub(super) at: Duration,
    pub(super) how: How,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum How {
    /// With the response, which is the last item.
    Answered,
    /// The channel broke; as the end tells it.
    Failed(String),
    /// The client cancelled it, or went.
    Cancelled,
    /// Without a response.
    Unanswered,
    /// The tape does not say.
    Unknown,
}

/// What the client said without asking.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) frame: usize,
    pub(super) at: Duration,
    pub(super) message: JsonRpcMessage,
}

/// What the server asked.
#[derive(Debug)]
pub(super) struct Question {
    /// The exchange that it was asked in; `None` on the session's listen.
    pub(super) exchange: Option<usize>,
    pub(super) what: String,
    pub(super) answer: Option<Note>,
    /// The frame that came before it anywhere but on a listen.
    pub(super) cause: usize,
}

impl Exchange {
    /// It stays open, and what comes on it comes at its place in the session.
    pub(super) fn is_listen(&self) -> bool {
        self.request.is_listen()
    }

    /// Whether the client was told something at its end.
    pub(super) fn is_answered(&self) -> bool {
        self.end.how == How::Answered
    }

    /// The response.
    pub(super) fn answer(&self) -> Option<&JsonRpcMessage> {
        self.items.last().filter(|_| self.is_answered()).map(|item| &item.message)
    }
}
