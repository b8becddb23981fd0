//! The session's listen: what the server says unasked, and what it said before anybody listened.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Handle;
use super::questions::Asked;
use super::state::{Channel, State};
use super::stream::{self, Queue, StreamSender};
use crate::error::Error;
use crate::message::JsonRpcMessage;
use crate::reply::{Reply, TrySendError};

/// Bytes kept for a listen that is not open yet.
const EARLY_BYTES: usize = 1 << 20;

pub(super) enum Listen {
    NotYet(Early),
    Open(StreamSender),
    /// It was open and is over.
    Gone,
}

/// What was said before anybody listened.
#[derive(Default)]
pub(super) struct Early {
    messages: VecDeque<JsonRpcMessage>,
    bytes: usize,
}

/// Ends the listen with its reply. Keeps the pipe open.
struct Guard {
    handle: Arc<Handle>,
    number: u32,
    queue: Arc<Queue>,
}

/// Opens the listen; there is one at a time.
pub(super) fn open(handle: &Arc<Handle>, state: &mut State) -> Result<Reply, Error> {
    if let Channel::Closed(error) = &state.channel {
        return Err(error.clone().unsent());
    }
    if let Listen::Open(_) = state.listen {
        return Err(Error::busy("another session listens on this pipe").unsent());
    }
    let (sender, reply) = stream::open(&state.options, &state.streamed);
    let guard = Guard { handle: handle.clone(), number: state.listens, queue: sender.queue().clone() };
    if let Listen::NotYet(early) = std::mem::replace(&mut state.listen, Listen::Open(sender)) {
        for message in early.messages {
            if let Err(TrySendError::Full(message) | TrySendError::Cancelled(message)) = state.push(message) {
                state.stats.overflows += 1;
                state.drop_unasked(&message);
            }
        }
    }
    Ok(reply.hold(guard))
}

impl Early {
    fn push(&mut self, message: JsonRpcMessage, most: usize) -> Result<(), TrySendError> {
        let bytes = self.bytes.saturating_add(message.bytes().len());
        if self.messages.len() >= most || bytes > EARLY_BYTES {
            return Err(TrySendError::Cancelled(message));
        }
        self.bytes = bytes;
        self.messages.push_back(message);
        Ok(())
    }
}

impl State {
    /// An item of the session's listen.
    pub(super) fn say_unasked(&mut self, message: JsonRpcMessage) {
        // It may wait for long, and must not keep what it was read with.
        match self.push(message.detach()) {
            Ok(()) => {}
            Err(TrySendError::Cancelled(message)) => self.drop_unasked(&message),
            Err(TrySendError::Full(message)) => {
                self.stats.overflows += 1;
                if let Some(sender) = self.end_listen() {
                    sender.fail(Error::overflow("the session's listener is too slow"));
                }
                self.drop_unasked(&message);
            }
        }
    }

    fn push(&mut self, message: JsonRpcMessage) -> Result<(), TrySendError> {
        match &mut self.listen {
            Listen::Open(sender) => {
                self.questions.place(&message, Asked::Listen(self.listens), sender.next());
                sender.try_send(message, self.options.max_undelivered)
            }
            Listen::NotYet(early) => early.push(message, self.options.early_messages),
            Listen::Gone => Err(TrySendError::Cancelled(message)),
        }
    }

    /// The listen is over; the next one has another number.
    pub(super) fn end_listen(&mut self) -> Option<StreamSender> {
        match std::mem::replace(&mut self.listen, Listen::Gone) {
            Listen::Open(sender) => {
                self.listens = self.listens.wrapping_add(1);
                Some(sender)
            }
            Listen::NotYet(_) | Listen::Gone => None,
        }
    }
}

impl Drop for Guard {
    /// Of a listen that ended for its slow reader, what was read may still be answered by the same session.
    fn drop(&mut self) {
        let mut state = self.handle.0.lock();
        let is_left = state.listens == self.number;
        let sender = if is_left { state.end_listen() } else { None };
        state.give_up_lost(Asked::Listen(self.number), |at| is_left || !self.queue.is_read(at));
        let driver = if state.out.is_empty() { None } else { state.take_driver() };
        drop(state);
        drop(sender);
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}
