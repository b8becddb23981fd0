//! A call on the older transport, and how long it is waited for.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::{Instant, Sleep, sleep};
use tower_service::Service;

use super::state::Handle;
use crate::connect::multiplex::{self, Multiplex};
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind};
use crate::reply::Reply;

/// In its turn as soon as it is made. Keeps the session open.
pub(super) struct Piped {
    /// `None` once it is over.
    call: Option<multiplex::ResponseFuture>,
    handle: Arc<Handle>,
    patience: Option<Patience>,
}

/// The time until the next message; comments are on everybody's stream, and say nothing about one call.
struct Patience {
    limit: Duration,
    sleep: Pin<Box<Sleep>>,
}

/// An answer of several messages.
struct Patient {
    reply: Reply,
    patience: Patience,
}

impl Piped {
    pub(super) fn new(pipe: &Multiplex, handle: &Arc<Handle>, message: JsonRpcMessage) -> Self {
        let limit = handle.0.options.timeout;
        let is_answered = message.kind() == Kind::Request && !message.is_listen();
        let patience = is_answered.then(|| Patience { limit, sleep: Box::pin(sleep(limit)) });
        Self { call: Some(pipe.clone().call(message)), handle: handle.clone(), patience }
    }
}

impl Future for Piped {
    type Output = Result<Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let call = this.call.as_mut().expect("a future is not polled after it is ready");
        let outcome = match (Pin::new(call).poll(cx), &mut this.patience) {
            (Poll::Ready(outcome), _) => outcome,
            (Poll::Pending, Some(patience)) => Err(ready!(patience.poll(cx))),
            (Poll::Pending, None) => return Poll::Pending,
        };
        this.call = None;
        let patience = this.patience.take();
        Poll::Ready(outcome.map(|reply| {
            match patience {
                Some(patience) if !reply.is_single() => Reply::stream(Patient::new(reply, patience)),
                _ => reply,
            }
            .hold(this.handle.clone())
        }))
    }
}

impl Patience {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        ready!(self.sleep.as_mut().poll(cx));
        Poll::Ready(Error::timeout(format_args!("the server did not answer within {:?}", self.limit)))
    }

    fn renew(&mut self) {
        self.sleep.as_mut().reset(Instant::now() + self.limit);
    }
}

impl Patient {
    fn new(reply: Reply, mut patience: Patience) -> Self {
        patience.renew();
        Self { reply, patience }
    }
}

impl Stream for Patient {
    type Item = Result<JsonRpcMessage, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Poll::Ready(item) = self.reply.poll_message(cx) {
            self.patience.renew();
            return Poll::Ready(item);
        }
        let error = ready!(self.patience.poll(cx));
        self.reply = Reply::empty();
        Poll::Ready(Some(Err(error)))
    }
}
