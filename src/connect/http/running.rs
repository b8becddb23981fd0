//! The future of a call, whichever way it goes.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::piped::Piped;
use crate::error::Error;
use crate::reply::Reply;

/// A call that is running. Dropping it cancels the call.
pub(super) struct Running(Inner);

enum Inner {
    Done(Option<Result<Reply, Error>>),
    Piped(Piped),
    Running(Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>),
}

impl Running {
    pub(super) fn done(outcome: Result<Reply, Error>) -> Self {
        Self(Inner::Done(Some(outcome)))
    }

    pub(super) fn piped(call: Piped) -> Self {
        Self(Inner::Piped(call))
    }

    pub(super) fn of(call: impl Future<Output = Result<Reply, Error>> + Send + 'static) -> Self {
        Self(Inner::Running(Box::pin(call)))
    }
}

impl Future for Running {
    type Output = Result<Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Inner::Done(outcome) => {
                Poll::Ready(outcome.take().expect("a future is not polled after it is ready"))
            }
            Inner::Piped(future) => Pin::new(future).poll(cx),
            Inner::Running(future) => future.as_mut().poll(cx),
        }
    }
}
