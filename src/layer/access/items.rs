//! A reply of several messages, each judged as it is read.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::future::Tail;
use super::review::Reviewed;
use crate::error::Error;
use crate::layer::answers::Answers;
use crate::message::JsonRpcMessage;
use crate::reply::{Reply, RpcService};

pub(super) struct Items<S> {
    inner: Reply,
    tail: Tail<S>,
    answers: Answers,
}

/// Nothing in it is pinned in place: the futures are boxed.
impl<S> Unpin for Items<S> {}

impl<S> Items<S> {
    pub(super) fn new(inner: Reply, tail: Tail<S>) -> Self {
        Self { inner, tail, answers: Answers::default() }
    }
}

impl<S: RpcService + Clone> Stream for Items<S> {
    type Item = Result<JsonRpcMessage, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            this.answers.poll(cx);
            let message = match ready!(this.inner.poll_message(cx)) {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                // The server is still to be answered.
                None if !this.answers.is_empty() => return Poll::Pending,
                None => return Poll::Ready(None),
            };
            match this.tail.exchange.review(message) {
                Reviewed::Pass(message) => return Poll::Ready(Some(Ok(message))),
                Reviewed::Drop => {}
                Reviewed::Answer(answer) => this.answers.add(this.tail.spare.service(), answer),
            }
        }
    }
}
