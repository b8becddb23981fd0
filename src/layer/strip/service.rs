use std::sync::Arc;
use std::task::{Context, Poll};

use tower_service::Service;

use super::future::ResponseFuture;
use super::judge::{Refused, Strip};
use crate::macros::inner_accessors;
use crate::message::{Code, Direction, JsonRpcMessage};
use crate::policy::{Decision, Decisions};
use crate::reply::Reply;

/// The middleware of [`StripTokensLayer`](super::StripTokensLayer).
#[derive(Clone, Debug)]
pub struct StripTokens<S> {
    pub(super) inner: S,
    pub(super) strip: Arc<Strip>,
}

impl<S> StripTokens<S> {
    inner_accessors!();
}

impl<S> Service<JsonRpcMessage> for StripTokens<S>
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
        #[cfg(feature = "tape")]
        let tells = message.is_recorded() && self.strip.takes_from_requests();
        #[cfg(not(feature = "tape"))]
        let tells = false;
        let message = match self.strip.message(message, Direction::ToUpstream, None) {
            Ok(message) => message,
            // The server waits for its answer.
            Err((message, refused)) => match refused.in_place_of(&message) {
                Some(error) => error,
                None => return ResponseFuture::refused(refusal(&message, refused)),
            },
        };
        let request = self.strip.to_client.is_some().then(|| message.clone().detach());
        let back = request.map(|request| (self.strip.clone(), request));
        ResponseFuture::passed(self.inner.call(message), back, tells)
    }
}

fn refusal(message: &JsonRpcMessage, refused: Refused) -> Reply {
    let mut reply = Reply::refuse(message, Code::INVALID_REQUEST, refused.why());
    Decisions::add(&mut reply, Decision::deny("strip").reason(refused.why()));
    reply
}
