//! What the callers and the driver share.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll, Waker};

use tokio::sync::watch;

use super::listen::{Early, Listen};
use super::options::{Options, Stats};
use super::questions::Questions;
use super::table::{Phase, Table};
use crate::error::Error;
use crate::message::{JsonRpcMessage, OwnedId};
use crate::protocol::Era;
use crate::wire::lines::Encoder;

pub(in crate::connect) struct State {
    pub(super) options: Options,
    pub(super) table: Table,
    pub(super) listen: Listen,
    /// The number of the listen that is open, or comes next.
    pub(super) listens: u32,
    pub(super) questions: Questions,
    pub(super) out: Encoder,
    /// What the driver is writing at the moment is not in `out`.
    pub(super) writing: usize,
    /// Bytes of single replies that nobody has taken.
    pub(super) undelivered: usize,
    /// Bytes in the queues of all streams.
    pub(super) streamed: Arc<AtomicUsize>,
    pub(super) channel: Channel,
    /// Calls that came when nothing could be written any more: they wait for the reason.
    late: Vec<Waker>,
    /// The error of the end, for whoever waits for it.
    pub(super) end: watch::Sender<Option<Error>>,
    /// No caller is left.
    pub(super) released: bool,
    /// The owner of the pipe knows that nothing more will come.
    pub(super) aborted: Option<Error>,
    pub(super) stats: Stats,
    /// As the first request says, for the life of the pipe.
    pub(super) era: Option<Era>,
    /// The server may say several messages in one line.
    pub(super) has_batches: bool,
    pub(super) next_id: i64,
    driver: Option<Waker>,
}

/// Whether the server takes what is written.
#[derive(Debug)]
pub(super) enum Channel {
    Open,
    /// No more; the reason will be known soon.
    Broken,
    Closed(Error),
}

impl State {
    pub(super) fn new(options: Options) -> Self {
        let out = if options.one_per_write { Encoder::new().one_per_write() } else { Encoder::new() };
        Self {
            options,
            table: Table::default(),
            listen: Listen::NotYet(Early::default()),
            listens: 0,
            questions: Questions::default(),
            out,
            writing: 0,
            undelivered: 0,
            streamed: Arc::default(),
            channel: Channel::Open,
            late: Vec::new(),
            end: watch::channel(None).0,
            released: false,
            aborted: None,
            stats: Stats::default(),
            era: None,
            has_batches: false,
            next_id: 0,
            driver: None,
        }
    }

    /// Queues a message; whoever does wakes the driver afterwards.
    pub(super) fn write(&mut self, message: &JsonRpcMessage) {
        self.out.push_mended(message);
    }

    /// Whether another call or notification may be queued.
    pub(super) fn has_room(&self) -> bool {
        self.out.len() + self.writing <= self.options.max_outgoing
    }

    /// What the server waits for may take as much again, so that calls do not keep it from going on.
    pub(super) fn has_room_for_answers(&self) -> bool {
        (self.out.len() + self.writing) / 2 <= self.options.max_outgoing
    }

    /// The driver's waker, if it sleeps; it is asked once.
    pub(super) fn take_driver(&mut self) -> Option<Waker> {
        self.driver.take()
    }

    pub(super) fn set_driver(&mut self, waker: &Waker) {
        self.driver = Some(waker.clone());
    }

    /// The server takes no more. Calls that come from now on are never written.
    pub(super) fn break_off(&mut self) {
        if let Channel::Open = self.channel {
            self.channel = Channel::Broken;
        }
    }

    /// Why a late call failed, once that is known.
    pub(super) fn poll_reason(&mut self, cx: &Context<'_>) -> Poll<Error> {
        if let Channel::Closed(error) = &self.channel {
            return Poll::Ready(error.clone().unsent());
        }
        if !self.late.iter().any(|waker| waker.will_wake(cx.waker())) {
            if self.late.len() >= self.options.max_pending {
                return Poll::Ready(Error::closed("the server takes no more calls").unsent());
            }
            self.late.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The channel is gone: every pending call fails once, and so do open streams.
    pub(super) fn fail_all(&mut self, error: &Error, wakers: &mut Vec<Waker>) {
        self.channel = Channel::Closed(error.clone());
        self.out = Encoder::new();
        wakers.append(&mut self.late);
        self.end.send_replace(Some(error.clone()));
        self.questions.clear();
        for id in self.table.pending_ids() {
            self.fail_call(&id, error.clone(), wakers);
        }
        if let Some(sender) = self.end_listen() {
            sender.fail(error.clone());
        }
    }

    /// One call fails instead of being answered.
    pub(super) fn fail_call(&mut self, id: &OwnedId, error: Error, wakers: &mut Vec<Waker>) {
        let Some(call) = self.table.settle(id) else { return };
        match std::mem::replace(&mut call.phase, Phase::Waiting) {
            Phase::Waiting => call.phase = Phase::Ready(Err(error)),
            Phase::Streaming(sender) => sender.fail(error),
            Phase::Opened(mut opened) => {
                if let Some(sender) = opened.1.take() {
                    sender.fail(error);
                }
                call.phase = Phase::Opened(opened);
            }
            settled => call.phase = settled,
        }
        wakers.extend(call.waker.take());
    }
}
