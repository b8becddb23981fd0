//! One call on its way: to a leaf, or in the queue for one; and what is learned from its outcome.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::sync::oneshot;

use super::questions;
use super::session::Attempt;
use super::state::{Order, Shared};
use super::waiting::Started;
use crate::connect::leaf::Leaf;
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind};
use crate::reply::{Event, Reply};

/// Dropped with the last caller.
pub(super) struct Handle<L: Leaf>(pub(super) Arc<Shared<L>>);

impl<L: Leaf> Drop for Handle<L> {
    fn drop(&mut self) {
        self.0.give(Order::Release, None);
    }
}

pin_project! {
    /// The future of a call through a [`Supervised`](super::Supervised) leaf. Dropping it cancels the call.
    pub struct ResponseFuture<L: Leaf> {
        #[pin]
        start: Start<L>,
        handle: Arc<Handle<L>>,
        // What the session learns from the answer.
        watched: Option<Watched<L>>,
        // Its reply may hold questions of the server, which go by names of ours.
        may_ask: bool,
    }
}

pin_project! {
    #[project = Step]
    pub(super) enum Start<L: Leaf> {
        Waiting { start: oneshot::Receiver<Started<L>> },
        Called { #[pin] future: L::Future, generation: u64 },
        Done { outcome: Option<Result<Reply, Error>> },
    }
}

impl<L: Leaf> Start<L> {
    pub(super) fn done(outcome: Result<Reply, Error>) -> Self {
        Self::Done { outcome: Some(outcome) }
    }
}

/// A request of which the session wants to know what becomes of it. Dropped without an answer, it has none.
pub(super) struct Watched<L: Leaf> {
    handle: Arc<Handle<L>>,
    request: JsonRpcMessage,
}

impl<L: Leaf> Watched<L> {
    pub(super) fn new(handle: Arc<Handle<L>>, request: JsonRpcMessage) -> Self {
        Self { handle, request }
    }

    fn hear(&self, answer: &JsonRpcMessage) {
        self.handle.0.hear(&self.request, answer);
        self.handle.0.changed();
    }
}

impl<L: Leaf> Drop for Watched<L> {
    fn drop(&mut self) {
        if let Some(attempt) = self.request.extensions().get::<Attempt>()
            && self.handle.0.lock().session.give_up(*attempt)
        {
            self.handle.0.changed();
        }
    }
}

impl<L: Leaf> ResponseFuture<L> {
    pub(super) fn new(
        start: Start<L>,
        handle: Arc<Handle<L>>,
        watched: Option<Watched<L>>,
        may_ask: bool,
    ) -> Self {
        Self { start, handle, watched, may_ask }
    }
}

impl<L: Leaf> Future for ResponseFuture<L> {
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.start.as_mut().project() {
                Step::Called { future, generation } => {
                    let generation = *generation;
                    let outcome = ready!(future.poll(cx));
                    let watched = this.watched.take();
                    return Poll::Ready(outcome.map(|reply| {
                        let reply = if *this.may_ask { named(reply, generation) } else { reply };
                        heard(reply, watched)
                    }));
                }
                Step::Waiting { start } => match ready!(Pin::new(start).poll(cx)) {
                    Ok(Ok((future, generation))) => Start::Called { future, generation },
                    Ok(Err(error)) => Start::done(Err(error)),
                    Err(_) => Start::done(Err(Error::closed("the supervisor is gone").unsent())),
                },
                Step::Done { outcome } => {
                    *this.watched = None;
                    return Poll::Ready(outcome.take().expect("a future is not polled after it is ready"));
                }
            };
            this.start.set(next);
        }
    }
}

/// Questions in the reply get names that tell whose they are.
fn named(reply: Reply, generation: u64) -> Reply {
    if generation <= 1 || reply.is_single() {
        return reply;
    }
    reply.map(move |message| questions::ask(message, generation))
}

/// The answer is heard when it passes.
fn heard<L: Leaf>(reply: Reply, watched: Option<Watched<L>>) -> Reply {
    let Some(watched) = watched else { return reply };
    reply.inspect(move |event| {
        if let Event::Message(message) = event
            && message.kind() == Kind::Response
        {
            watched.hear(message);
        }
    })
}

impl<L: Leaf> fmt::Debug for ResponseFuture<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("watched", &self.watched.is_some()).finish_non_exhaustive()
    }
}
