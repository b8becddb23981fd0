//! The future of layers that answer a request themselves, or look at its reply as a whole.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::message::{Code, JsonRpcMessage, fold};
use crate::policy::{Decision, Decisions};
use crate::protocol::method;
use crate::reply::Reply;

/// The answer to a message that no layer can judge: peers may read another message in the same bytes.
///
/// That is one which passed the transparent scan only, and one whose method a lax peer takes for that of a tool.
pub(super) fn unjudgeable(by: &'static str, message: &JsonRpcMessage) -> Option<Reply> {
    if !message.is_strict() {
        let refusal = Reply::refuse(message, Code::INVALID_REQUEST, "The message is not strictly JSON-RPC");
        let why = "it passed the transparent scan only";
        return Some(denied(refusal, Decision::deny(by).rule("unjudgeable").reason(why)));
    }
    let name = message.method()?;
    if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'/' || byte == b'_') {
        return None; // as all are
    }
    let folded = fold(name);
    [method::TOOLS_LIST, method::TOOLS_CALL].contains(&&*folded).then(|| {
        let refusal = Reply::refuse(message, Code::METHOD_NOT_FOUND, "Method not found");
        let why = format!("the method can be mistaken for {folded}");
        denied(refusal, Decision::deny(by).rule("unjudgeable").reason(why))
    })
}

/// A refusal with what led to it.
pub(super) fn denied(mut refusal: Reply, decision: Decision) -> Reply {
    tracing::debug!(%decision, "a message was refused");
    Decisions::add(&mut refusal, decision);
    refusal
}

/// What is done with the reply when it is there.
type Then = Box<dyn FnOnce(Reply) -> Reply + Send>;

pin_project! {
    /// The future of a layer that judges. Dropping it cancels the call.
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = Projection]
    enum State<F> {
        Refused { reply: Option<Reply> },
        Passed { #[pin] inner: F, then: Option<Then> },
    }
}

impl<F> ResponseFuture<F> {
    /// Nothing is called below.
    pub(super) fn refused(reply: Reply) -> Self {
        Self { state: State::Refused { reply: Some(reply) } }
    }

    pub(super) fn passed(inner: F) -> Self {
        Self { state: State::Passed { inner, then: None } }
    }

    /// The reply goes on as what becomes of it.
    pub(super) fn then(inner: F, then: impl FnOnce(Reply) -> Reply + Send + 'static) -> Self {
        Self { state: State::Passed { inner, then: Some(Box::new(then)) } }
    }
}

impl<F, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Reply, E>>,
{
    type Output = Result<Reply, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Projection::Refused { reply } => {
                Poll::Ready(Ok(reply.take().expect("a future is not polled after it is ready")))
            }
            Projection::Passed { inner, then } => {
                let outcome = ready!(inner.poll(cx));
                Poll::Ready(match then.take() {
                    Some(then) => outcome.map(then),
                    None => outcome,
                })
            }
        }
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
