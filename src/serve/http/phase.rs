//! How far a call is, and what it holds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{self, Poll, ready};

use super::calls::Ticket;
use super::outcome::Failed;
use super::trail::Trail;
use super::turns::Turn;
use crate::error::BoxError;
use crate::message::JsonRpcMessage;
use crate::reply::Reply;

/// How far a call is.
pub(super) enum Phase {
    Calling(Turn),
    Reading(Reply),
    /// What the reader has not been told yet.
    Over(Option<Failed>),
}

/// What a call held.
#[must_use = "it is released without the lock of its call"]
pub(super) struct Ended {
    pub(super) phase: Phase,
    pub(super) ticket: Option<Ticket>,
    pub(super) trail: Option<Trail>,
}

impl Ended {
    pub(super) fn release(self) {
        let Self { phase, ticket, trail } = self;
        // A panic while something of a layer is dropped must not take others with it.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(phase)));
        drop((ticket, trail));
    }
}

/// What comes next of it.
pub(super) enum Step {
    Replied(Reply),
    Said(JsonRpcMessage),
    Failed(BoxError),
    Told(Failed),
    Ended,
}

impl Phase {
    pub(super) fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Step> {
        Poll::Ready(match self {
            Self::Calling(calling) => match ready!(Pin::new(calling).poll(cx)) {
                Ok(reply) => Step::Replied(reply),
                Err(error) => Step::Failed(error),
            },
            Self::Reading(reply) => match ready!(reply.poll_message(cx)) {
                Some(Ok(message)) => Step::Said(message),
                Some(Err(error)) => Step::Failed(error.into()),
                None => Step::Ended,
            },
            Self::Over(untold) => untold.take().map_or(Step::Ended, Step::Told),
        })
    }
}
