use std::sync::Arc;
use std::task::{Context, Poll};

use tower_service::Service;

use super::future::ResponseFuture;
use super::schemas::Schemas;
use crate::macros::inner_accessors;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::method;
use crate::reply::{Reply, RpcService};
use crate::wire::http::Mirrored;

/// The middleware of [`CheckParamsLayer`](super::CheckParamsLayer).
#[derive(Clone, Debug)]
pub struct CheckParams<S> {
    pub(super) inner: S,
    pub(super) schemas: Arc<Schemas>,
}

impl<S> CheckParams<S> {
    inner_accessors!();
}

impl<S: RpcService + Clone> Service<JsonRpcMessage> for CheckParams<S> {
    type Response = Reply;
    type Error = S::Error;
    type Future = ResponseFuture<S>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        let is_call = message.kind() == Kind::Request && message.is_method(method::TOOLS_CALL);
        let Some(mirrored) = Mirrored::of(&message).filter(|_| is_call) else {
            return ResponseFuture::passed(self.inner.call(message));
        };
        if self.schemas.current().is_some_and(|tools| tools.check(mirrored, &message).is_ok()) {
            return ResponseFuture::passed(self.inner.call(message));
        }
        // What is not known, and what would be refused by a list that may be old, waits for a new one.
        let clone = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, clone.clone());
        let schemas = self.schemas.clone();
        ResponseFuture::waiting(async move {
            if let Some(refusal) = schemas.judge(clone, &message).await? {
                return Ok(refusal);
            }
            ready.call(message).await
        })
    }
}
