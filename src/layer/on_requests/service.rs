use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_service::Service;

use super::future::ResponseFuture;
use super::gate::Gate;
use crate::error::BoxError;
use crate::macros::inner_accessors;
use crate::message::{JsonRpcMessage, Kind};
use crate::reply::Reply;

/// The middleware of [`OnRequestsLayer`](super::OnRequestsLayer): `S` is the direct way, `W` the one through
/// the layer. Clones share the latter.
pub struct OnRequests<S, W> {
    pub(super) inner: S,
    pub(super) gate: Arc<Gate<W>>,
}

impl<S, W> OnRequests<S, W> {
    inner_accessors!();
}

impl<S, W> Service<JsonRpcMessage> for OnRequests<S, W>
where
    S: Service<JsonRpcMessage, Response = Reply>,
    S::Error: Into<BoxError>,
    W: Service<JsonRpcMessage, Response = Reply>,
    W::Error: Into<BoxError>,
{
    type Response = Reply;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future, W>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        if message.kind() == Kind::Request && !message.is_listen() {
            ResponseFuture::limited(Gate::enter(&self.gate, message))
        } else {
            ResponseFuture::direct(self.inner.call(message))
        }
    }
}

impl<S: Clone, W> Clone for OnRequests<S, W> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), gate: self.gate.clone() }
    }
}

impl<S: fmt::Debug, W> fmt::Debug for OnRequests<S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnRequests").field("inner", &self.inner).field("gate", &self.gate).finish()
    }
}
