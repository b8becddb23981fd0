use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::items::Items;
use super::review::{Exchange, Reviewed};
use crate::layer::answers::Spare;
use crate::message::Kind;
use crate::policy::{Decision, Decisions};
use crate::reply::{Reply, RpcService};

pin_project! {
    /// The future of [`AccessControl`](super::AccessControl).
    pub struct ResponseFuture<S: RpcService> {
        #[pin]
        state: State<S>,
    }
}

pin_project! {
    #[project = Projection]
    enum State<S: RpcService> {
        Passed { #[pin] inner: S::Future, tail: Option<Tail<S>> },
        Refused { reply: Option<Reply> },
    }
}

/// What the reply is judged by.
pub(super) struct Tail<S> {
    decision: Option<Decision>,
    pub(super) exchange: Exchange,
    pub(super) spare: Arc<Spare<S>>,
}

impl<S: RpcService> ResponseFuture<S> {
    pub(super) fn passed(
        inner: S::Future,
        decision: Option<Decision>,
        exchange: Exchange,
        spare: Arc<Spare<S>>,
    ) -> Self {
        Self { state: State::Passed { inner, tail: Some(Tail { decision, exchange, spare }) } }
    }

    pub(super) fn refused(reply: Reply) -> Self {
        Self { state: State::Refused { reply: Some(reply) } }
    }
}

impl<S: RpcService + Clone> Tail<S> {
    /// A single response is judged at once; a stream, and a question, item by item.
    fn review(mut self, reply: Reply) -> Reply {
        let decision = self.decision.take();
        let mut reply = match reply.as_one() {
            None if reply.is_end() => reply,
            Some(message) if message.kind() == Kind::Response => {
                match self.exchange.review(message.clone()) {
                    Reviewed::Pass(message) => reply.map(move |_| message.clone()),
                    Reviewed::Drop | Reviewed::Answer(_) => Reply::empty(),
                }
            }
            _ => reply.over(|inner| Items::new(inner, self)),
        };
        if let Some(decision) = decision {
            Decisions::add(&mut reply, decision);
        }
        reply
    }
}

impl<S: RpcService + Clone> Future for ResponseFuture<S> {
    type Output = Result<Reply, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Projection::Passed { inner, tail } => {
                let reply = ready!(inner.poll(cx))?;
                let tail = tail.take().expect("a future is not polled after it is ready");
                Poll::Ready(Ok(tail.review(reply)))
            }
            Projection::Refused { reply } => {
                Poll::Ready(Ok(reply.take().expect("a future is not polled after it is ready")))
            }
        }
    }
}

impl<S: RpcService> fmt::Debug for ResponseFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
