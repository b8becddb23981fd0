use std::sync::Arc;
use std::task::{Context, Poll};

use tower_service::Service;

use super::future::ResponseFuture;
use super::layer::TimeoutLayer;
use crate::clock::Clock;
use crate::macros::inner_accessors;
use crate::message::{JsonRpcMessage, Kind};
use crate::reply::Reply;

/// The middleware of [`TimeoutLayer`].
#[derive(Clone, Debug)]
pub struct Timeout<S> {
    pub(super) inner: S,
    pub(super) shared: Arc<Shared>,
}

/// What all calls of one service share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) limits: TimeoutLayer,
    pub(super) clock: Arc<Clock>,
}

impl<S> Timeout<S> {
    inner_accessors!();
}

impl<S> Service<JsonRpcMessage> for Timeout<S>
where
    S: Service<JsonRpcMessage, Response = Reply>,
{
    type Response = Reply;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        let limited = message.kind() == Kind::Request && !message.is_listen();
        let responder = limited.then(|| message.responder());
        ResponseFuture::new(self.inner.call(message), responder, &self.shared)
    }
}
