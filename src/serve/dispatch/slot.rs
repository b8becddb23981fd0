//! One call in flight.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::error::BoxError;
use crate::message::{JsonRpcMessage, Responder};
use crate::ready::SlotWaker;
use crate::reply::Reply;

/// What the outcome of a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A request of the client: exactly one answer is due.
    Answer,
    /// A listen of the client's own: once it is open, it may end without an answer.
    Subscription,
    /// A notification, or the client's answer to the server: nothing comes back.
    Quiet,
    /// Our own listen.
    Listen,
}

/// A place for a call, reused with its allocations.
pub(super) struct Slot<F> {
    pub(super) waker: Arc<SlotWaker>,
    task: Waker,
    future: Pin<Box<Option<F>>>,
    reply: Option<Reply>,
    pub(super) purpose: Purpose,
    pub(super) responder: Option<Responder>,
    /// The place in the server's order of what it said last.
    pub(super) order: u64,
}

/// What polling a slot gave.
pub(super) enum Progress {
    Pending,
    Item(JsonRpcMessage),
    Failed(BoxError),
    /// Nothing more comes.
    End,
}

impl<F> Slot<F> {
    pub(super) fn new(waker: Arc<SlotWaker>) -> Self {
        Self {
            task: Waker::from(waker.clone()),
            waker,
            future: Box::pin(None),
            reply: None,
            purpose: Purpose::Quiet,
            responder: None,
            order: 0,
        }
    }

    pub(super) fn begin(&mut self, future: F, purpose: Purpose, responder: Option<Responder>) {
        self.future.set(Some(future));
        (self.purpose, self.responder, self.order) = (purpose, responder, 0);
    }

    /// Drops the call, which cancels it if it is not over.
    pub(super) fn clear(&mut self) {
        // A panic while something of a layer is dropped must not take the other calls with it.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            self.future.set(None);
            self.reply = None;
        }));
        self.responder = None;
    }

    /// Has itself polled when there is room again.
    pub(super) fn poll_later(&self) {
        self.waker.reset();
        self.task.wake_by_ref();
    }

    /// The call has resolved.
    pub(super) fn is_open(&self) -> bool {
        self.reply.is_some()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.future.is_none() && self.reply.is_none()
    }
}

impl<F, E> Slot<F>
where
    F: Future<Output = Result<Reply, E>>,
    E: Into<BoxError>,
{
    /// A panic below is a failure of this call and of no other.
    pub(super) fn poll(&mut self) -> Progress {
        self.waker.reset();
        catch_unwind(AssertUnwindSafe(|| self.poll_inner())).unwrap_or_else(|_| Progress::Failed(panicked()))
    }

    fn poll_inner(&mut self) -> Progress {
        let mut cx = Context::from_waker(&self.task);
        if let Some(future) = self.future.as_mut().as_pin_mut() {
            match future.poll(&mut cx) {
                Poll::Pending => return Progress::Pending,
                Poll::Ready(Err(error)) => return Progress::Failed(error.into()),
                Poll::Ready(Ok(reply)) => self.reply = Some(reply),
            }
            self.future.set(None);
        }
        let Some(reply) = &mut self.reply else { return Progress::End };
        match reply.poll_message(&mut cx) {
            Poll::Pending => Progress::Pending,
            Poll::Ready(Some(Ok(message))) => Progress::Item(message),
            Poll::Ready(Some(Err(error))) => Progress::Failed(error.into()),
            Poll::Ready(None) => Progress::End,
        }
    }
}

pub(super) fn panicked() -> BoxError {
    "a layer panicked".into()
}
