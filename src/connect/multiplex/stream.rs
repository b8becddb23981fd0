//! Replies that are read bit by bit: what they hold of the pipe's memory, and how far they are read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::Waker;

use super::options::Options;
use super::questions::Asked;
use super::rewrite;
use super::state::State;
use super::table::{CallKind, Phase};
use crate::error::Error;
use crate::message::JsonRpcMessage;
use crate::reply::{Reply, ReplySender, TrySendError};

/// A message of at most this size is taken by an empty queue, however slow the readers of others are.
const ALWAYS: usize = 64 << 10;

/// The writing half of such a reply.
#[derive(Debug)]
pub(super) struct StreamSender {
    sender: ReplySender,
    queue: Arc<Queue>,
}

/// Counts what one reply holds unread, in a total of the pipe too. What is never read is taken off the total
/// with the last half.
#[derive(Debug)]
pub(super) struct Queue {
    bytes: AtomicUsize,
    sent: AtomicU64,
    read: AtomicU64,
    total: Arc<AtomicUsize>,
}

/// A reply, and the way into it.
pub(super) fn open(options: &Options, total: &Arc<AtomicUsize>) -> (StreamSender, Reply) {
    let (sender, reply) = Reply::channel_of(options.queue_messages, options.queue_bytes);
    let queue = Arc::new(Queue {
        bytes: AtomicUsize::new(0),
        sent: AtomicU64::new(0),
        read: AtomicU64::new(0),
        total: total.clone(),
    });
    let reader = queue.clone();
    let reply = reply.map(move |message| {
        reader.read.fetch_add(1, Relaxed);
        reader.remove(message.bytes().len());
        message
    });
    (StreamSender { sender, queue }, reply)
}

impl Queue {
    /// Whether the reader has taken the message at this place.
    pub(super) fn is_read(&self, at: u64) -> bool {
        at < self.read.load(Relaxed)
    }

    fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Relaxed);
        self.total.fetch_add(bytes, Relaxed);
    }

    fn remove(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Relaxed);
        self.total.fetch_sub(bytes, Relaxed);
    }

    fn has_room(&self, bytes: usize, max_total: usize) -> bool {
        self.total.load(Relaxed).saturating_add(bytes) <= max_total
            || (bytes <= ALWAYS && self.bytes.load(Relaxed) == 0)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.total.fetch_sub(*self.bytes.get_mut(), Relaxed);
    }
}

impl StreamSender {
    pub(super) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// The place of the next message.
    pub(super) fn next(&self) -> u64 {
        self.queue.sent.load(Relaxed)
    }

    pub(super) fn try_send(&self, message: JsonRpcMessage, max_total: usize) -> Result<(), TrySendError> {
        let bytes = message.bytes().len();
        if !self.queue.has_room(bytes, max_total) {
            return Err(TrySendError::Full(message));
        }
        self.queue.add(bytes); // first, because the reader may be quicker
        self.sender.try_send(message).inspect_err(|_| self.queue.remove(bytes))?;
        self.queue.sent.fetch_add(1, Relaxed);
        Ok(())
    }

    /// Ends the reply with its final response. Tells whether there was room for that.
    pub(super) fn finish(self, response: JsonRpcMessage, max_total: usize) -> bool {
        let bytes = response.bytes().len();
        let has_room = self.queue.has_room(bytes, max_total);
        if has_room {
            self.queue.add(bytes);
            self.sender.finish(response);
        } else {
            self.sender.fail(Error::overflow("too many replies wait to be read"));
        }
        has_room
    }

    pub(super) fn fail(self, error: Error) {
        self.sender.fail(error);
    }
}

impl State {
    /// An item of a call's reply; the first one turns the reply into a stream.
    pub(super) fn say_to(&mut self, slot: u32, message: JsonRpcMessage, wakers: &mut Vec<Waker>) {
        let Some(call) = self.table.at(slot) else { return };
        // It may wait for long, and must not keep what it was read with.
        let message = rewrite::restore(call, message).detach();
        if let Phase::Waiting = call.phase {
            let (sender, reply) = open(&self.options, &self.streamed);
            call.queue = Some(sender.queue().clone());
            call.phase = Phase::Opened(Box::new((reply, Some(sender))));
            wakers.extend(call.waker.take());
        }
        let sender = match &call.phase {
            Phase::Opened(opened) => opened.1.as_ref(),
            Phase::Streaming(sender) => Some(sender),
            Phase::Waiting | Phase::Ready(_) => None,
        };
        let Some(sender) = sender else { return };
        self.questions.place(&message, Asked::Call(call.ticket(slot)), sender.next());
        match sender.try_send(message, self.options.max_undelivered) {
            Ok(()) => {}
            // Its reader is gone, and its guard is about to cancel the call.
            Err(TrySendError::Cancelled(message)) => self.drop_unasked(&message),
            Err(TrySendError::Full(message)) => {
                let (id, token, kind) = (call.id.clone(), call.token.clone(), call.kind);
                self.stats.overflows += 1;
                self.drop_unasked(&message);
                self.fail_call(&id, Error::overflow("the reply's reader is too slow"), wakers);
                if kind != CallKind::Initialize {
                    self.write(&rewrite::cancel(&id, None));
                }
                self.table.quarantine(id, token);
            }
        }
    }
}
