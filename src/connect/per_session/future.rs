//! The future of a call through a session's leaf.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::sync::oneshot;

use super::session::Active;
use crate::connect::leaf::Leaf;
use crate::error::Error;
use crate::reply::Reply;

pin_project! {
    /// Resolves as the leaf's own future does. Dropping it cancels the call.
    pub struct ResponseFuture<L: Leaf> {
        #[pin]
        inner: Inner<L>,
        active: Option<Active<L>>,
    }
}

pin_project! {
    #[project = InnerProjection]
    enum Inner<L: Leaf> {
        Called { #[pin] future: L::Future },
        Waiting { called: oneshot::Receiver<Result<L::Future, Error>> },
        Failed { error: Option<Error> },
    }
}

impl<L: Leaf> ResponseFuture<L> {
    pub(super) fn called(future: L::Future, active: Option<Active<L>>) -> Self {
        Self { inner: Inner::Called { future }, active }
    }

    pub(super) fn waiting(
        called: oneshot::Receiver<Result<L::Future, Error>>,
        active: Option<Active<L>>,
    ) -> Self {
        Self { inner: Inner::Waiting { called }, active }
    }

    pub(super) fn failed(error: Error) -> Self {
        Self { inner: Inner::Failed { error: Some(error) }, active: None }
    }
}

impl<L: Leaf> Future for ResponseFuture<L> {
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.inner.as_mut().project() {
                InnerProjection::Called { future } => {
                    let outcome = ready!(future.poll(cx));
                    let active = this.active.take();
                    return Poll::Ready(outcome.map(|reply| match active {
                        Some(active) if !reply.is_single() => reply.hold(active),
                        _ => reply,
                    }));
                }
                InnerProjection::Waiting { called } => match ready!(Pin::new(called).poll(cx)) {
                    Ok(Ok(future)) => Inner::Called { future },
                    Ok(Err(error)) => Inner::Failed { error: Some(error) },
                    Err(_) => Inner::Failed { error: Some(Error::closed("the session is gone").unsent()) },
                },
                InnerProjection::Failed { error } => {
                    return Poll::Ready(Err(error.take().expect("a future is not polled after it is ready")));
                }
            };
            this.inner.set(next);
        }
    }
}

impl<L: Leaf> fmt::Debug for ResponseFuture<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.inner {
            Inner::Called { .. } => "called",
            Inner::Waiting { .. } => "waiting for the leaf",
            Inner::Failed { .. } => "failed",
        };
        f.debug_tuple("ResponseFuture").field(&state).finish()
    }
}
