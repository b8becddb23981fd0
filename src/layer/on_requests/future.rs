use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use super::gate::{Entry, Waiter};
use crate::error::BoxError;
use crate::message::JsonRpcMessage;
use crate::reply::Reply;

pin_project! {
    /// The future of [`OnRequests`](super::OnRequests).
    pub struct ResponseFuture<F, W: Service<JsonRpcMessage>> {
        #[pin]
        state: State<F, W>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, W: Service<JsonRpcMessage>> {
        Direct { #[pin] call: F },
        Through { #[pin] call: W::Future },
        Waiting { waiter: Waiter<W> },
        Done { outcome: Option<Result<Reply, BoxError>> },
    }
}

impl<F, W: Service<JsonRpcMessage>> ResponseFuture<F, W> {
    pub(super) fn direct(call: F) -> Self {
        Self { state: State::Direct { call } }
    }

    pub(super) fn limited(entry: Entry<W>) -> Self {
        let state = match entry {
            Entry::Through(call) => State::Through { call },
            Entry::Waiting(waiter) => State::Waiting { waiter },
            Entry::Refused(reply) => State::Done { outcome: Some(Ok(reply)) },
            Entry::Failed(error) => State::Done { outcome: Some(Err(error)) },
        };
        Self { state }
    }
}

impl<F, E, W> Future for ResponseFuture<F, W>
where
    F: Future<Output = Result<Reply, E>>,
    E: Into<BoxError>,
    W: Service<JsonRpcMessage, Response = Reply>,
    W::Error: Into<BoxError>,
{
    type Output = Result<Reply, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Direct { call } => return call.poll(cx).map_err(Into::into),
                StateProjection::Through { call } => return call.poll(cx).map_err(Into::into),
                StateProjection::Done { outcome } => {
                    return Poll::Ready(outcome.take().expect("a future is not polled after it is ready"));
                }
                StateProjection::Waiting { waiter } => match ready!(waiter.poll(cx)) {
                    Ok(call) => State::Through { call },
                    Err(error) => return Poll::Ready(Err(error.into())),
                },
            };
            state.set(next);
        }
    }
}

impl<F, W: Service<JsonRpcMessage>> fmt::Debug for ResponseFuture<F, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
