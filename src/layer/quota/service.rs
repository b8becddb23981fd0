use std::task::{Context, Poll};

use tower_service::Service;

use super::stats::add;
use super::{Quotas, ResponseFuture};
use crate::layer::judged::unjudgeable;
use crate::macros::inner_accessors;
use crate::message::{JsonRpcMessage, Kind};
use crate::reply::Reply;

/// The middleware of [`QuotaLayer`](super::QuotaLayer).
#[derive(Clone, Debug)]
pub struct Quota<S> {
    pub(super) inner: S,
    pub(super) quotas: Quotas,
}

impl<S> Quota<S> {
    inner_accessors!();
}

impl<S> Service<JsonRpcMessage> for Quota<S>
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
        if let Some(refusal) = unjudgeable("quota", &message) {
            add(&self.quotas.counts().unreadable);
            return ResponseFuture::refused(refusal);
        }
        let is_counted = message.kind() == Kind::Request && !message.is_session_listen();
        match is_counted.then(|| self.quotas.judge(&message)).flatten() {
            Some(refusal) => ResponseFuture::refused(refusal),
            None => ResponseFuture::passed(self.inner.call(message)),
        }
    }
}
