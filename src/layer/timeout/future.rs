use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use pin_project_lite::pin_project;
use tokio::time::Instant;

use super::service::Shared;
use crate::clock::{Alarm, FAR};
use crate::error::Error;
use crate::message::{JsonRpcMessage, Responder};
use crate::reply::{Reply, failure};

pin_project! {
    /// The future of [`Timeout`](super::Timeout).
    pub struct ResponseFuture<F> {
        // Gone once it took too long: dropping it cancels the call.
        #[pin]
        inner: Option<F>,
        watch: Option<Watch>,
    }
}

/// The time of one request.
struct Watch {
    alarm: Alarm,
    responder: Responder,
    shared: Arc<Shared>,
    start: Instant,
}

impl<F> ResponseFuture<F> {
    /// Without a responder there is nobody to answer, and no limit.
    pub(super) fn new(inner: F, responder: Option<Responder>, shared: &Arc<Shared>) -> Self {
        let watch = responder.map(|responder| {
            let start = Instant::now();
            let deadline = after(start, shared.limits.first.min(shared.limits.whole));
            Watch { alarm: Alarm::new(&shared.clock, deadline), responder, shared: shared.clone(), start }
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
        if let Poll::Ready(outcome) = inner.poll(cx) {
            return Poll::Ready(outcome.map(|reply| match this.watch.take() {
                Some(watch) if !reply.is_single() => watch.go_on(reply),
                _ => reply,
            }));
        }
        let Some(watch) = this.watch else { return Poll::Pending };
        ready!(watch.alarm.poll(cx));
        let answer = too_long(&watch.responder);
        this.inner.set(None);
        Poll::Ready(Ok(answer.map_or_else(Reply::empty, Reply::one)))
    }
}

impl Watch {
    /// The first message is there; from now on silence and the whole count.
    fn go_on(self, reply: Reply) -> Reply {
        let end = after(self.start, self.shared.limits.whole);
        let idle = self.shared.limits.idle;
        let mut alarm = self.alarm;
        alarm.reset(end.min(after(Instant::now(), idle)));
        reply.over(|reply| Limited { reply, alarm, responder: self.responder, idle, end })
    }
}

/// A reply that is a stream, watched.
struct Limited {
    reply: Reply,
    alarm: Alarm,
    responder: Responder,
    idle: Duration,
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
                this.alarm.reset(this.end.min(after(now, this.idle)));
                return Poll::Ready(item);
            }
        } else {
            ready!(this.alarm.poll(cx));
        }
        this.reply = Reply::empty();
        Poll::Ready(too_long(&this.responder).map(Ok))
    }
}

/// A limit that no clock reaches, such as `Duration::MAX`, is none.
fn after(start: Instant, limit: Duration) -> Instant {
    start.checked_add(limit).unwrap_or_else(|| start + FAR)
}

fn too_long(responder: &Responder) -> Option<JsonRpcMessage> {
    failure(responder, &Error::timeout("the server took too long").into())
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
