use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::exchange::Exchange;
use super::stack::Stack;
use crate::error::Error;
use crate::layer::tap::Tapped;
use crate::macros::inner_accessors;
use crate::message::{Code, JsonRpcMessage};
use crate::reply::Reply;
use crate::tape::{Overflow, Recorder};

/// The middleware of [`RecordLayer`](super::RecordLayer).
#[derive(Clone)]
pub struct Record<S> {
    pub(super) inner: S,
    pub(super) stack: Arc<Stack>,
}

impl<S> Record<S> {
    inner_accessors!();
}

impl<S> Service<JsonRpcMessage> for Record<S>
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
        let Some(recorder) = self.stack.recorder(&message) else {
            return ResponseFuture::passing(Tapped::new(self.inner.call(message), None), None);
        };
        if !message.is_session_listen() && !recorder.admits() {
            let why = "The call cannot be recorded now";
            return ResponseFuture::refused(Reply::refuse(&message, Code::INTERNAL_ERROR, why));
        }
        let waits = (recorder.overflow() == Overflow::Backpressure).then(|| recorder.clone());
        let exchange = Exchange::new(&self.stack, recorder, &message);
        let message = message.recorded(exchange.mark());
        ResponseFuture::passing(Tapped::new(self.inner.call(message), Some(exchange)), waits)
    }
}

impl<S: fmt::Debug> fmt::Debug for Record<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("inner", &self.inner).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Record`]. Dropping it cancels the call.
    pub struct ResponseFuture<F> {
        #[pin]
        tapped: Option<Tapped<F, Exchange>>,
        // It is there, and waits until the recorder has room.
        reply: Option<Reply>,
        waits: Option<Recorder>,
    }
}

impl<F> ResponseFuture<F> {
    fn passing(tapped: Tapped<F, Exchange>, waits: Option<Recorder>) -> Self {
        Self { tapped: Some(tapped), reply: None, waits }
    }

    fn refused(reply: Reply) -> Self {
        Self { tapped: None, reply: Some(reply), waits: None }
    }
}

impl<F, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Reply, E>>,
    E: 'static,
{
    type Output = Result<Reply, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.reply.is_none()
            && let Some(tapped) = this.tapped.as_pin_mut()
        {
            match ready!(tapped.poll(cx)) {
                Ok(reply) => *this.reply = Some(reply),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        if let Some(recorder) = this.waits {
            ready!(recorder.poll_room(cx));
        }
        let reply = this.reply.take().expect("a future is not polled after it is ready");
        Poll::Ready(Ok(match this.waits.take() {
            Some(recorder) if !reply.is_single() => reply.over(|inner| Unhurried { inner, recorder }),
            _ => reply,
        }))
    }
}

/// A reply whose messages wait until there is room for what was recorded before them.
struct Unhurried {
    inner: Reply,
    recorder: Recorder,
}

impl Stream for Unhurried {
    type Item = Result<JsonRpcMessage, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        ready!(this.recorder.poll_room(cx));
        this.inner.poll_message(cx)
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
