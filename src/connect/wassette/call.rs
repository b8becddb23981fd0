//! One call on its way, and what is learned from its outcome.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::components::{Components, Telling};
use super::gate::Gate;
use crate::connect::leaf::Leaf;
use crate::error::Error;
use crate::reply::{End, Event, Reply};

/// What is done with the outcome of a call.
#[derive(Debug)]
pub(super) enum After {
    Nothing,
    Opened(Opening),
    Initialized(Arc<Gate>),
    Learn(Arc<Components>, Telling),
    Overhear(Arc<Components>, Arc<Gate>),
}

/// An `initialize` that is not answered; when it is given up, another may be sent.
#[derive(Debug)]
pub(super) struct Opening(pub(super) Option<Arc<Gate>>);

impl Drop for Opening {
    fn drop(&mut self) {
        if let Some(gate) = &self.0 {
            gate.refused();
        }
    }
}

impl After {
    fn see(self, outcome: Result<Reply, Error>) -> Result<Reply, Error> {
        match (self, outcome) {
            (Self::Opened(mut opening), Ok(reply)) => Ok(opened(reply, opening.0.take())),
            (Self::Initialized(gate), Err(error)) => {
                gate.not_opened();
                Err(error)
            }
            (Self::Learn(components, telling), Ok(reply)) => Ok(components.learn(telling, reply)),
            (Self::Overhear(components, gate), Ok(reply)) => Ok(lost(components.overhear(reply), gate)),
            (_, outcome) => outcome,
        }
    }
}

pin_project! {
    /// The future of a call through a [`Wassette`]. Dropping it cancels the call.
    pub struct ResponseFuture<S: Leaf> {
        #[pin]
        pub(super) step: Step<S>,
    }
}

pin_project! {
    #[project = StepProj]
    pub(super) enum Step<S: Leaf> {
        Answered { reply: Option<Reply> },
        Sent { #[pin] future: S::Future, after: After },
    }
}

impl<S: Leaf> Future for ResponseFuture<S> {
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().step.project() {
            StepProj::Answered { reply } => {
                Poll::Ready(Ok(reply.take().expect("a future is not polled after it is ready")))
            }
            StepProj::Sent { future, after } => {
                let outcome = ready!(future.poll(cx));
                Poll::Ready(std::mem::replace(after, After::Nothing).see(outcome))
            }
        }
    }
}

/// The answer to `initialize`.
fn opened(reply: Reply, gate: Option<Arc<Gate>>) -> Reply {
    reply.inspect(move |event| {
        if let (Event::Message(message), Some(gate)) = (event, &gate)
            && message.error().is_some()
        {
            gate.refused();
        }
    })
}

/// The session's listen tells when the session is lost.
fn lost(listen: Reply, gate: Arc<Gate>) -> Reply {
    listen.inspect(move |event| {
        if let Event::End(End::Failed(error)) = event
            && error.is_session_lost()
        {
            gate.refused();
        }
    })
}

impl<S: Leaf> fmt::Debug for ResponseFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
