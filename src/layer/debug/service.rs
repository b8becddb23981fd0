use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tower_service::Service;

use super::Debugger;
use super::exchange::Exchange;
use crate::layer::tap::Tapped;
use crate::macros::inner_accessors;
use crate::message::JsonRpcMessage;
use crate::reply::Reply;

/// The middleware of [`DebugLayer`](super::DebugLayer).
#[derive(Clone, Debug)]
pub struct Debug<S> {
    pub(super) inner: S,
    pub(super) debugger: Debugger,
}

impl<S> Debug<S> {
    inner_accessors!();
}

impl<S> Service<JsonRpcMessage> for Debug<S>
where
    S: Service<JsonRpcMessage, Response = Reply>,
    S::Error: 'static,
{
    type Response = Reply;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        let exchange = Exchange::new(&self.debugger.state, &message);
        ResponseFuture { tapped: Tapped::new(self.inner.call(message), Some(exchange)) }
    }
}

pin_project! {
    /// The future of [`Debug`].
    pub struct ResponseFuture<F> {
        #[pin]
        tapped: Tapped<F, Exchange>,
    }
}

impl<F, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Reply, E>>,
    E: 'static,
{
    type Output = Result<Reply, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().tapped.poll(cx)
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
