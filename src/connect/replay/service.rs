//! The leaf.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower_service::Service;

use super::Replay;
use super::listen::Listening;
use super::play::Play;
use crate::error::Error;
use crate::message::{Code, JsonRpcMessage, Kind};
use crate::reply::Reply;

impl Service<JsonRpcMessage> for Replay {
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, message: JsonRpcMessage) -> ResponseFuture {
        ResponseFuture(match message.kind() {
            Kind::Request if message.is_session_listen() => {
                let listening = Listening::new(&self.shared, message);
                Box::pin(async { Ok(Reply::stream(listening)) })
            }
            Kind::Request => self.request(message),
            Kind::Notification => {
                self.shared.note(&message);
                Box::pin(async { Ok(Reply::empty()) })
            }
            Kind::Response => {
                self.shared.answered(&message);
                Box::pin(async { Ok(Reply::empty()) })
            }
        })
    }
}

/// The future of a call of a [`Replay`]. Dropping it cancels the call.
pub struct ResponseFuture(Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>);

impl Replay {
    /// What is asked first is found first, in whatever order the futures are polled.
    fn request(&self, message: JsonRpcMessage) -> Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>> {
        let shared = &self.shared;
        let (found, is_awaited) = shared.change(|state| {
            state.stats.requests += 1;
            if shared.options.rewinds && shared.index.is_begun_again(state, &message) {
                state.rewind(&shared.script, &shared.index);
            }
            let is_awaited = state.is_awaited();
            let found = match shared.index.find(&shared.script, &shared.options, state, &message) {
                Ok(exchange) => Ok(Play::new(shared, state, exchange, message)),
                Err(mismatch) => {
                    state.stats.refused += 1;
                    state.mismatch(mismatch.clone());
                    let (id, data) = (message.owned_id(), mismatch.data());
                    let code = Code::INTERNAL_ERROR;
                    Err(JsonRpcMessage::refusal_with(id.as_ref(), code, mismatch, Some(&data)))
                }
            };
            (found, is_awaited)
        });
        match found {
            Ok(play) => Box::pin(async move {
                // What was said on a listen before the answer goes out before it.
                if is_awaited {
                    tokio::task::yield_now().await;
                }
                play.reply().await
            }),
            Err(refusal) => Box::pin(async { Ok(Reply::one(refusal)) }),
        }
    }
}

impl Future for ResponseFuture {
    type Output = Result<Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl std::fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
