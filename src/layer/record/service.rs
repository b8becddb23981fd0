use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::exchange::Exchange;
use super::stack::{Stack, Taken};
use crate::error::Error;
use crate::layer::tap::Tapped;
use crate::macros::inner_accessors;
use crate::message::{Code, JsonRpcMessage};
use crate::reply::Reply;
use crate::tape::{Overflow, Room};

/// The middleware of [`RecordLayer`](super::RecordLayer).
pub struct Record<S> {
    inner: S,
    stack: Arc<Stack>,
    /// It is not ready: there is no room for what would be recorded.
    room: Option<Room>,
}

impl<S> Record<S> {
    pub(super) fn new(inner: S, stack: Arc<Stack>) -> Self {
        Self { inner, stack, room: None }
    }

    inner_accessors!();

    /// Asked anew each time, since another recorder may have taken the place of one that is full: also while it was asked.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(recorder) = self.stack.waits_for() {
            let waits = self.room.insert(Room::of(&recorder)).poll(cx).is_pending();
            if waits && self.stack.waits_for().is_some_and(|now| now.is_same(&recorder)) {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }
}

impl<S: Clone> Clone for Record<S> {
    /// It waits by itself.
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.stack.clone())
    }
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
        if self.room.is_some() || self.stack.may_wait() {
            ready!(self.poll_room(cx));
            self.room = None;
        }
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        let recorder = match self.stack.take(&message) {
            Taken::Record(recorder) => recorder,
            Taken::Pass => {
                let message = self.stack.unrecorded(message, None);
                return ResponseFuture::passing(Tapped::new(self.inner.call(message), None), None);
            }
            Taken::Refuse => return ResponseFuture::refused(&message),
        };
        if !message.is_session_listen() && !recorder.admits() {
            return ResponseFuture::refused(&message);
        }
        let room = (recorder.overflow() == Overflow::Backpressure).then(|| Room::of(&recorder));
        let Some(exchange) = Exchange::new(&self.stack, recorder, &message) else {
            return ResponseFuture::refused(&message);
        };
        let message = exchange.marked(message);
        ResponseFuture::passing(Tapped::new(self.inner.call(message), Some(exchange)), room)
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
        refusal: Option<Reply>,
        // What comes waits until the recorder has room.
        room: Option<Room>,
    }
}

impl<F> ResponseFuture<F> {
    fn passing(tapped: Tapped<F, Exchange>, room: Option<Room>) -> Self {
        Self { tapped: Some(tapped), refusal: None, room }
    }

    fn refused(message: &JsonRpcMessage) -> Self {
        let why = "The call cannot be recorded now";
        let refusal = Some(Reply::refuse(message, Code::INTERNAL_ERROR, why));
        Self { tapped: None, refusal, room: None }
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
        if let Some(room) = this.room {
            ready!(room.poll(cx));
        }
        let Some(tapped) = this.tapped.as_pin_mut() else {
            let refusal = this.refusal.take();
            return Poll::Ready(Ok(refusal.expect("a future is not polled after it is ready")));
        };
        let reply = ready!(tapped.poll(cx))?;
        Poll::Ready(Ok(match this.room.take() {
            Some(room) if !reply.is_single() => reply.over(|inner| Unhurried { inner, room }),
            _ => reply,
        }))
    }
}

/// A reply whose messages stay where they are while there is no room to record them.
struct Unhurried {
    inner: Reply,
    room: Room,
}

impl Stream for Unhurried {
    type Item = Result<JsonRpcMessage, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        ready!(this.room.poll(cx));
        this.inner.poll_message(cx)
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
