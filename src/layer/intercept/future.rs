use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::beat::Beat;
use super::tail::{Reviewed, Tail};
use super::waiting::Waiting;
use crate::error::{BoxError, Error};
use crate::reply::{Reply, RpcService};

pub(super) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

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
        /// The chain decides, whether the message goes on or about its response.
        Deciding { running: Option<BoxFuture<Result<Reply, S::Error>>>, beat: Option<Beat> },
        Done { reply: Option<Reply> },
    }
}

impl<S: RpcService> ResponseFuture<S> {
    pub(super) fn passing(inner: S::Future, tail: Tail<S>) -> Self {
        Self { state: State::Passing { inner, tail: Some(tail) } }
    }

    pub(super) fn deciding(running: BoxFuture<Result<Reply, S::Error>>, beat: Option<Beat>) -> Self {
        Self { state: State::Deciding { running: Some(running), beat } }
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
                    if tail.as_ref().is_some_and(|tail| tail.is_idle(&reply)) {
                        return Poll::Ready(Ok(reply));
                    }
                    tail.take().expect("a future is not polled after it is ready").review(reply)
                }
                StateProjection::Deciding { running, beat } => return poll_deciding(running, beat, cx),
                StateProjection::Done { reply } => {
                    return Poll::Ready(Ok(reply.take().expect("a future is not polled after it is ready")));
                }
            };
            match reviewed {
                Reviewed::Now(reply) => return Poll::Ready(Ok(reply)),
                Reviewed::Later((running, beat)) => {
                    let running: BoxFuture<_> = Box::pin(async move { Ok(running.await) });
                    state.set(State::Deciding { running: Some(running), beat });
                }
            }
        }
    }
}

/// When progress is due before the decision is there, the reply begins with it.
fn poll_deciding<E: Into<BoxError> + 'static>(
    running: &mut Option<BoxFuture<Result<Reply, E>>>,
    beat: &mut Option<Beat>,
    cx: &mut Context<'_>,
) -> Poll<Result<Reply, E>> {
    let deciding = running.as_mut().expect("a future is not polled after it is ready");
    if let Poll::Ready(reply) = deciding.as_mut().poll(cx) {
        return Poll::Ready(reply);
    }
    let Some(due) = beat else { return Poll::Pending };
    let first = ready!(due.poll(cx));
    let (running, beat) = (running.take(), beat.take());
    let reply = running.zip(beat).map(|(running, beat)| {
        let widened: BoxFuture<_> =
            Box::pin(async move { running.await.map_err(|error| widened(error.into())) });
        Waiting::reply(first, beat, widened)
    });
    Poll::Ready(Ok(reply.expect("both are there, as was just seen")))
}

/// An item of a reply fails with an error of ours.
fn widened(error: BoxError) -> Error {
    error.downcast().map_or_else(Error::closed, |error| *error)
}

impl<S: RpcService> fmt::Debug for ResponseFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
