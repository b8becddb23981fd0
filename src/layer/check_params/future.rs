use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::reply::{Reply, RpcService};

type Waiting<E> = Pin<Box<dyn Future<Output = Result<Reply, E>> + Send>>;

pin_project! {
    /// The future of [`CheckParams`](super::CheckParams). Dropping it cancels the call.
    pub struct ResponseFuture<S: RpcService> {
        #[pin]
        state: State<S>,
    }
}

pin_project! {
    #[project = Projection]
    enum State<S: RpcService> {
        Passed { #[pin] inner: S::Future },
        Waiting { waiting: Waiting<S::Error> },
    }
}

impl<S: RpcService> ResponseFuture<S> {
    pub(super) fn passed(inner: S::Future) -> Self {
        Self { state: State::Passed { inner } }
    }

    pub(super) fn waiting(waiting: impl Future<Output = Result<Reply, S::Error>> + Send + 'static) -> Self {
        Self { state: State::Waiting { waiting: Box::pin(waiting) } }
    }
}

impl<S: RpcService> Future for ResponseFuture<S> {
    type Output = Result<Reply, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Projection::Passed { inner } => inner.poll(cx),
            Projection::Waiting { waiting } => waiting.as_mut().poll(cx),
        }
    }
}

impl<S: RpcService> fmt::Debug for ResponseFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
