use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tower_service::Service;

use super::exchange::Exchange;
use crate::audit::Writer;
use crate::layer::tap::Tapped;
use crate::macros::inner_accessors;
use crate::message::{Code, JsonRpcMessage};
use crate::reply::Reply;

/// The middleware of [`AuditLayer`](super::AuditLayer).
#[derive(Clone, Debug)]
pub struct Audit<S> {
    pub(super) inner: S,
    pub(super) log: Writer,
}

impl<S> Audit<S> {
    inner_accessors!();
}

impl<S> Service<JsonRpcMessage> for Audit<S>
where
    S: Service<JsonRpcMessage, Response = Reply>,
    S::Error: 'static,
{
    type Response = Reply;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        // A front end's own listen is no message of anybody's; what comes on it is.
        let permit = match message.is_session_listen() {
            true => None,
            false => match self.log.admit() {
                None => return ResponseFuture { state: State::Refused { reply: Some(refusal(&message)) } },
                permit => permit,
            },
        };
        let exchange = Exchange::new(&self.log, &message, permit);
        ResponseFuture {
            state: State::Passing { tapped: Tapped::new(self.inner.call(message), Some(exchange)) },
        }
    }
}

fn refusal(message: &JsonRpcMessage) -> Reply {
    Reply::refuse(message, Code::INTERNAL_ERROR, "The call cannot be recorded now")
}

pin_project! {
    /// The future of [`Audit`].
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        Passing { #[pin] tapped: Tapped<F, Exchange> },
        Refused { reply: Option<Reply> },
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
            StateProjection::Passing { tapped } => tapped.poll(cx),
            StateProjection::Refused { reply } => {
                Poll::Ready(Ok(reply.take().expect("a future is not polled after it is ready")))
            }
        }
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
