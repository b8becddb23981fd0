use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use pin_project_lite::pin_project;
use tracing::Span;

use super::TARGET;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::peek;
use crate::reply::{End, Event, Reply};

pin_project! {
    /// The future of [`Trace`](super::Trace).
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        request: Option<Request>,
    }
}

/// A request that is being traced; says how it ended when it is dropped.
struct Request {
    span: Span,
    start: Instant,
    messages: u64,
    /// None as long as nothing but a drop can end it.
    outcome: Option<&'static str>,
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(inner: F, span: Option<Span>) -> Self {
        let request = span.map(|span| Request { span, start: Instant::now(), messages: 0, outcome: None });
        Self { inner, request }
    }
}

impl<F, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Reply, E>>,
{
    type Output = Result<Reply, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let entered = this.request.as_ref().map(|request| request.span.enter());
        let polled = this.inner.poll(cx);
        drop(entered);
        let outcome = ready!(polled);
        Poll::Ready(match (this.request.take(), outcome) {
            (Some(mut request), Ok(reply)) => Ok(reply.inspect(move |event| request.see(event))),
            (Some(mut request), Err(error)) => {
                request.end("failed");
                Err(error)
            }
            (None, outcome) => outcome,
        })
    }
}

impl Request {
    fn end(&mut self, outcome: &'static str) {
        self.outcome = Some(outcome);
    }

    fn see(&mut self, event: Event<'_>) {
        match event {
            Event::Message(message) => {
                self.messages += 1;
                match message.kind() {
                    Kind::Response => self.end(outcome(message)),
                    kind => tracing::debug!(
                        target: TARGET, parent: &self.span, method = message.method(), ?kind,
                        direction = "to_client", bytes = message.bytes().len()
                    ),
                }
            }
            Event::End(End::Failed(_)) => self.end("failed"),
            Event::End(End::Dropped) => self.end("cancelled"),
            // Without a response: whoever asked is told an error.
            Event::End(End::Complete) => self.outcome = self.outcome.or(Some("failed")),
        }
    }
}

/// A tool that failed is told from an error of the protocol.
fn outcome(response: &JsonRpcMessage) -> &'static str {
    let failed = |result| peek::member(result, "isError").ok().flatten() == Some(b"true");
    match response.result() {
        None => "error",
        Some(result) if failed(result) => "tool_error",
        Some(_) => "ok",
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let (outcome, messages) = (self.outcome.unwrap_or("cancelled"), self.messages);
        let duration_us = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(target: TARGET, parent: &self.span, outcome, messages, duration_us);
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
