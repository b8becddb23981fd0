//! A reply that begins with progress of ours, because the chain takes long to decide.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::beat::Beat;
use super::future::BoxFuture;
use crate::error::Error;
use crate::message::JsonRpcMessage;
use crate::reply::Reply;

pub(super) struct Waiting {
    first: Option<JsonRpcMessage>,
    beat: Beat,
    state: State,
}

enum State {
    Running(BoxFuture<Result<Reply, Error>>),
    Reading(Reply),
}

impl Waiting {
    pub(super) fn reply(
        first: JsonRpcMessage,
        beat: Beat,
        running: BoxFuture<Result<Reply, Error>>,
    ) -> Reply {
        Reply::stream(Self { first: Some(first), beat, state: State::Running(running) })
    }
}

impl Stream for Waiting {
    type Item = Result<JsonRpcMessage, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        loop {
            match &mut this.state {
                State::Running(running) => match running.as_mut().poll(cx) {
                    Poll::Ready(Ok(reply)) => this.state = State::Reading(reply),
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                    Poll::Pending => return Poll::Ready(Some(Ok(ready!(this.beat.poll(cx))))),
                },
                State::Reading(reply) => return reply.poll_message(cx),
            }
        }
    }
}
