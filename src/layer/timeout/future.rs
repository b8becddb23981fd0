use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::layer::TimeoutLayer;
use crate::error::Error;
use crate::message::{JsonRpcMessage, Responder};
use crate::reply::{Reply, failure};

pin_project! {
    /// The future of [`Timeout`](super::Timeout).
    pub struct ResponseFuture<F> {
        // Gone once it took too long: dropping it cancels the call.
        #[pin]
        inner: Option<F>,
        #[pin]
        watch: Option<Watch>,
    }
}

pin_project! {
    /// The clock of one request.
    struct Watch {
        #[pin]
        sleep: Sleep,
        responder: Responder,
        limits: TimeoutLayer,
        start: Instant,
    }
}

impl<F> ResponseFuture<F> {
    /// Without a responder there is nobody to answer, and no limit.
    pub(super) fn new(inner: F, responder: Option<Responder>, limits: TimeoutLayer) -> Self {
        let watch = responder.map(|responder| {
            let start = Instant::now();
            Watch { sleep: sleep_until(start + limits.first.min(limits.whole)), responder, limits, start }
        });
        Self { inner: Some(inner), watch }
    }
}

impl<F, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Reply, E>>,
{
    type Output = Result<Reply, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let inner = this.inner.as_mut().as_pin_mut().expect("a future is not polled after it is ready");
        let watch = this.watch.as_mut().as_pin_mut();
        if let Poll::Ready(outcome) = inner.poll(cx) {
            return Poll::Ready(outcome.map(|reply| match watch {
                Some(watch) if !reply.is_single() => watch.go_on(reply),
                _ => reply,
            }));
        }
        let Some(watch) = watch else { return Poll::Pending };
        let watch = watch.project();
        ready!(watch.sleep.poll(cx));
        let answer = too_long(watch.responder);
        this.inner.set(None);
        Poll::Ready(Ok(answer.map_or_else(Reply::empty, Reply::one)))
    }
}

impl Watch {
    /// The first message is there; from now on silence and the whole count.
    fn go_on(self: Pin<&mut Self>, reply: Reply) -> Reply {
        let end = self.start + self.limits.whole;
        let deadline = end.min(Instant::now() + self.limits.idle);
        Reply::stream(Limited {
            reply,
            sleep: Box::pin(sleep_until(deadline)),
            responder: self.responder.clone(),
            idle: self.limits.idle,
            end,
        })
    }
}

/// A reply that is a stream, watched.
struct Limited {
    reply: Reply,
    sleep: Pin<Box<Sleep>>,
    responder: Responder,
    idle: std::time::Duration,
    end: Instant,
}

impl Stream for Limited {
    type Item = Result<JsonRpcMessage, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Poll::Ready(item) = this.reply.poll_message(cx) {
            let now = Instant::now();
            // An answer that is there counts, even if its reader is late; a server that always has more does not.
            if this.reply.is_end() || now < this.end {
                this.sleep.as_mut().reset(this.end.min(now + this.idle));
                return Poll::Ready(item);
            }
        } else {
            ready!(this.sleep.as_mut().poll(cx));
        }
        this.reply = Reply::empty();
        Poll::Ready(too_long(&this.responder).map(Ok))
    }
}

fn too_long(responder: &Responder) -> Option<JsonRpcMessage> {
    failure(responder, &Error::timeout("the server took too long").into())
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
