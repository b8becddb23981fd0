use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::tail::{Reviewed, Tail};
use crate::reply::{Reply, RpcService};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pin_project! {
    /// The future of [`Intercept`](super::Intercept).
    pub struct ResponseFuture<S: RpcService> {
        #[pin]
        state: State<S>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S: RpcService> {
        /// The message went on.
        Passing { #[pin] inner: S::Future, tail: Option<Tail<S>> },
        /// The chain decides whether it does.
        Deciding { running: BoxFuture<Result<Reply, S::Error>> },
        /// The chain decides about the response.
        Reviewing { running: BoxFuture<Reply> },
        Done { reply: Option<Reply> },
    }
}

impl<S: RpcService> ResponseFuture<S> {
    pub(super) fn passing(inner: S::Future, tail: Tail<S>) -> Self {
        Self { state: State::Passing { inner, tail: Some(tail) } }
    }

    pub(super) fn deciding(running: BoxFuture<Result<Reply, S::Error>>) -> Self {
        Self { state: State::Deciding { running } }
    }

    pub(super) fn done(reply: Reply) -> Self {
        Self { state: State::Done { reply: Some(reply) } }
    }
}

impl<S: RpcService + Clone> Future for ResponseFuture<S> {
    type Output = Result<Reply, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let reviewed = match state.as_mut().project() {
                StateProjection::Passing { inner, tail } => {
                    let reply = ready!(inner.poll(cx))?;
                    tail.take().expect("a future is not polled after it is ready").review(reply)
                }
                StateProjection::Deciding { running } => return running.as_mut().poll(cx),
                StateProjection::Reviewing { running } => return running.as_mut().poll(cx).map(Ok),
                StateProjection::Done { reply } => {
                    return Poll::Ready(Ok(reply.take().expect("a future is not polled after it is ready")));
                }
            };
            match reviewed {
                Reviewed::Now(reply) => return Poll::Ready(Ok(reply)),
                Reviewed::Later(running) => state.set(State::Reviewing { running }),
            }
        }
    }
}

impl<S: RpcService> fmt::Debug for ResponseFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
