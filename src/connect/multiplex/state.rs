//! What the callers and the driver share.

use std::collections::VecDeque;
use std::task::Waker;

use super::options::{Options, Stats};
use super::table::{Phase, Table};
use crate::error::Error;
use crate::message::{IdMap, JsonRpcMessage, OwnedId};
use crate::reply::ReplySender;
use crate::wire::lines::{Encoder, one_line};

pub(in crate::connect) struct State {
    pub(super) options: Options,
    pub(super) table: Table,
    pub(super) listen: Listen,
    /// Ids of the server's own requests that the client has not answered.
    pub(super) questions: IdMap<()>,
    pub(super) out: Encoder,
    /// What the driver is writing at the moment is not in `out`.
    pub(super) writing: usize,
    pub(super) undelivered: usize,
    pub(super) closed: Option<Error>,
    /// No caller is left.
    pub(super) released: bool,
    /// The owner of the pipe knows that nothing more will come.
    pub(super) aborted: Option<Error>,
    pub(super) stats: Stats,
    pub(super) next_id: i64,
    driver: Option<Waker>,
}

/// The session's listen.
pub(super) enum Listen {
    NotYet(VecDeque<JsonRpcMessage>),
    Open(ReplySender),
    /// It was open and its reader dropped it.
    Gone,
}

impl State {
    pub(super) fn new(options: Options) -> Self {
        let out = if options.one_per_write { Encoder::new().one_per_write() } else { Encoder::new() };
        Self {
            options,
            table: Table::default(),
            listen: Listen::NotYet(VecDeque::new()),
            questions: IdMap::default(),
            out,
            writing: 0,
            undelivered: 0,
            closed: None,
            released: false,
            aborted: None,
            stats: Stats::default(),
            next_id: 0,
            driver: None,
        }
    }

    /// Queues a message; whoever does wakes the driver afterwards.
    pub(super) fn write(&mut self, message: &JsonRpcMessage) {
        if self.out.push(message).is_err() {
            let frame = one_line(message);
            self.out.push_frame(&frame).expect("a message on one line has no line break");
        }
    }

    /// The driver's waker, if it sleeps; it is asked once.
    pub(super) fn take_driver(&mut self) -> Option<Waker> {
        self.driver.take()
    }

    pub(super) fn set_driver(&mut self, waker: &Waker) {
        self.driver = Some(waker.clone());
    }

    /// The channel is gone: every pending call fails once, and so do open streams.
    pub(super) fn fail_all(&mut self, error: &Error, wakers: &mut Vec<Waker>) {
        self.closed = Some(error.clone());
        self.questions.clear();
        for id in self.table.pending_ids() {
            self.fail_call(&id, error.clone(), wakers);
        }
        if let Listen::Open(sender) = std::mem::replace(&mut self.listen, Listen::Gone) {
            sender.fail(error.clone());
        }
    }

    /// One call fails instead of being answered.
    pub(super) fn fail_call(&mut self, id: &OwnedId, error: Error, wakers: &mut Vec<Waker>) {
        let Some(call) = self.table.settle(id) else { return };
        match std::mem::replace(&mut call.phase, Phase::Waiting) {
            Phase::Waiting => call.phase = Phase::Ready(Err(error), None),
            Phase::Ready(reply, sender) => {
                if let Some(sender) = sender {
                    sender.fail(error);
                }
                call.phase = Phase::Ready(reply, None);
            }
            Phase::Streaming(sender) => sender.fail(error),
        }
        wakers.extend(call.waker.take());
    }
}
