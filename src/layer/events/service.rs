use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tower_service::Service;

use super::exchange::Exchange;
use super::hub::Stack;
use crate::layer::tap::Tapped;
use crate::macros::inner_accessors;
use crate::message::JsonRpcMessage;
use crate::reply::Reply;

/// The middleware of [`EventsLayer`](super::EventsLayer).
#[derive(Clone)]
pub struct Events<S> {
    pub(super) inner: S,
    pub(super) stack: Arc<Stack>,
}

impl<S> Events<S> {
    inner_accessors!();
}

impl<S> Service<JsonRpcMessage> for Events<S>
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
        let exchange = self.stack.hub().is_heard().then(|| Exchange::new(&self.stack, &message));
        ResponseFuture { tapped: Tapped::new(self.inner.call(message), exchange) }
    }
}

impl<S: fmt::Debug> fmt::Debug for Events<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("inner", &self.inner).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Events`].
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
