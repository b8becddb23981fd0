use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use pin_project_lite::pin_project;

use super::judge::Strip;
use crate::error::{BoxError, Error};
use crate::message::{Direction, JsonRpcMessage};
use crate::reply::{Reply, Upstream};

pin_project! {
    /// The future of [`StripTokens`](super::StripTokens). Dropping it cancels the call.
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = Projection]
    enum State<F> {
        Passed { #[pin] inner: F, back: Option<Back>, tells: bool },
        Refused { reply: Option<Reply> },
    }
}

/// On a reply: the request was recorded before it was stripped.
#[cfg(feature = "tape")]
#[derive(Clone, Copy, Debug)]
pub(in crate::layer) struct StrippedBelow;

#[cfg(feature = "tape")]
fn told(mut reply: Reply, tells: bool) -> Reply {
    if tells {
        reply.extensions_mut().insert(StrippedBelow);
    }
    reply
}

#[cfg(not(feature = "tape"))]
fn told(reply: Reply, _: bool) -> Reply {
    reply
}

/// How the reply is stripped, and to what it is one.
type Back = (Arc<Strip>, JsonRpcMessage);

impl<F> ResponseFuture<F> {
    /// With what is told to a recorder that stands above.
    pub(super) fn passed(inner: F, back: Option<Back>, tells: bool) -> Self {
        Self { state: State::Passed { inner, back, tells } }
    }

    pub(super) fn refused(reply: Reply) -> Self {
        Self { state: State::Refused { reply: Some(reply) } }
    }
}

impl<F, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Reply, E>>,
    E: 'static,
{
    type Output = Result<Reply, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Projection::Passed { inner, back, tells } => {
                let reply = ready!(inner.poll(cx)).map(|reply| told(reply, *tells));
                let Some(back) = back.take() else { return Poll::Ready(reply) };
                Poll::Ready(match reply {
                    Ok(reply) => Ok(stripped(reply, back)),
                    Err(mut error) => {
                        own(&mut error).into_iter().for_each(|error| back.0.error(error));
                        Err(error)
                    }
                })
            }
            Projection::Refused { reply } => Poll::Ready(Ok(reply.take().expect("polled after its end"))),
        }
    }
}

/// The error as one of this crate, boxed or not.
fn own<E: 'static>(error: &mut E) -> Option<&mut Error> {
    let error: &mut dyn Any = error;
    if error.is::<Error>() {
        return error.downcast_mut();
    }
    error.downcast_mut::<BoxError>()?.downcast_mut()
}

/// A single message is not boxed, unless it is lost.
fn stripped(mut reply: Reply, back: Back) -> Reply {
    if let Some(refusal) = reply.extensions_mut().get_mut::<Upstream>() {
        back.0.refusal(refusal);
    }
    match reply.as_one().cloned() {
        Some(only) => match strip(only, &back) {
            Some(message) => reply.map(move |_| message.clone()),
            None => Reply::empty(),
        },
        None if reply.is_end() => reply,
        None => reply.over(|inner| Items { inner, back }),
    }
}

/// The message, or what is said in its place; nothing where nobody waits for it.
fn strip(message: JsonRpcMessage, (strip, request): &Back) -> Option<JsonRpcMessage> {
    match strip.message(message, Direction::ToClient, request.method()) {
        Ok(message) => Some(message),
        Err((message, refused)) => refused.in_place_of(&message),
    }
}

/// The messages of a reply, stripped as they are read.
struct Items {
    inner: Reply,
    back: Back,
}

impl Stream for Items {
    type Item = Result<JsonRpcMessage, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match ready!(this.inner.poll_message(cx)) {
                Some(Ok(message)) => {
                    if let Some(message) = strip(message, &this.back) {
                        return Poll::Ready(Some(Ok(message)));
                    }
                }
                Some(Err(mut error)) => {
                    this.back.0.error(&mut error);
                    return Poll::Ready(Some(Err(error)));
                }
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
