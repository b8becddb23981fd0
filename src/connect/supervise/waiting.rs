//! Calls, and the leaf that they may have to wait for.

use tokio::sync::oneshot;

use super::state::{Phase, State};
use crate::connect::leaf::Leaf;
use crate::error::Error;
use crate::message::JsonRpcMessage;

/// Bytes of calls that wait for a leaf.
const WAITING_BYTES: usize = 8 << 20;

/// A call that waits for a leaf.
pub(super) struct Waiter<L: Leaf> {
    pub(super) message: JsonRpcMessage,
    pub(super) start: oneshot::Sender<Started<L>>,
}

/// A call that waited: sent to the leaf of a generation, or not.
pub(super) type Started<L> = Result<(<L as tower_service::Service<JsonRpcMessage>>::Future, u64), Error>;

/// The first half of a call.
pub(super) enum Admission<L: Leaf> {
    /// The message goes to this leaf, once that is ready.
    Open(L, u64, JsonRpcMessage),
    Wait(oneshot::Receiver<Started<L>>),
    Refused(Error),
}

impl<L: Leaf> State<L> {
    /// To the leaf that is open, or to the queue.
    pub(super) fn admit(&mut self, message: JsonRpcMessage) -> Admission<L> {
        match &self.phase {
            Phase::Open(leaf) => match self.session.admit(&message, self.generation) {
                Ok(()) => Admission::Open(leaf.clone(), self.generation, message),
                Err(error) => Admission::Refused(error),
            },
            Phase::Closed(error) => Admission::Refused(error.clone().unsent()),
            Phase::Starting => self.wait(message),
        }
    }

    fn wait(&mut self, message: JsonRpcMessage) -> Admission<L> {
        self.waiting.retain(|waiter| !waiter.start.is_closed());
        let waiting: usize = self.waiting.iter().map(|waiter| waiter.message.bytes().len()).sum();
        if self.waiting.len() >= self.max_waiting || waiting + message.bytes().len() > WAITING_BYTES {
            self.stats.refused += 1;
            return Admission::Refused(Error::busy("too many calls wait for the server to start").unsent());
        }
        let (start, started) = oneshot::channel();
        self.waiting.push_back(Waiter { message: message.detach(), start });
        Admission::Wait(started)
    }

    pub(super) fn next_waiter(&mut self) -> Option<Waiter<L>> {
        loop {
            let waiter = self.waiting.pop_front()?;
            if !waiter.start.is_closed() {
                return Some(waiter);
            }
        }
    }
}
