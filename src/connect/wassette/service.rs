//! The leaf: a gate in front of whatever reaches the server.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use super::gate::{Gate, Kept, Verdict};
use crate::connect::leaf::{Exit, Leaf};
use crate::error::Error;
use crate::macros::inner_accessors;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::method;
use crate::reply::{Event, Reply};
use crate::wassette::Dialect;

/// A Wassette; cheap to clone, all clones are the same one.
///
/// # Errors
///
/// Whatever the leaf below fails with.
pub struct Wassette<S> {
    inner: S,
    gate: Arc<Gate>,
}

impl<S: Leaf> Wassette<S> {
    /// Over a leaf that reaches a Wassette of this dialect.
    ///
    /// Where the dialect [mangles ids](Dialect::mangles_ids), the leaf must send small ones of its own:
    /// [`Options::rewrite_ids`](crate::connect::Options::rewrite_ids).
    ///
    /// ```
    /// use shadowcat::{JsonRpcMessage, connect, wassette::Dialect};
    /// use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (ours, _theirs) = tokio::io::duplex(1024);
    /// let (read, write) = tokio::io::split(ours);
    /// let server = connect::Wassette::over(connect::pipe(read, write), Dialect::V0_2);
    /// let reply = server.oneshot(JsonRpcMessage::request(1, "server/discover", "{}")?).await?;
    /// assert!(reply.as_one().unwrap().error().is_some(), "it never reached the server");
    /// # Ok(()) }
    /// ```
    pub fn over(leaf: S, dialect: Dialect) -> Self {
        Self { inner: leaf, gate: Arc::new(Gate::new(dialect)) }
    }
}

#[cfg(all(feature = "stdio", unix))]
impl Wassette<crate::connect::Supervised<crate::connect::Child>> {
    /// One of our own, on its stdin and stdout.
    pub fn stdio() -> super::Stdio {
        super::Stdio::new()
    }

    /// Stops it for good, whoever has calls under way, and waits until its process is gone.
    pub async fn shutdown(self) {
        self.inner.shutdown().await;
    }
}

impl<S> Wassette<S> {
    inner_accessors!();

    /// How it is talked to.
    pub fn dialect(&self) -> Dialect {
        self.gate.dialect
    }

    /// What the connector kept from it so far.
    pub fn kept(&self) -> Kept {
        self.gate.kept()
    }
}

impl<S: Leaf> Service<JsonRpcMessage> for Wassette<S> {
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture<S>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> ResponseFuture<S> {
        if let Verdict::Answer(reply) = self.gate.judge(&message) {
            return ResponseFuture { step: Step::Answered { reply: Some(reply) } };
        }
        let opens = message.kind() == Kind::Request && message.is_method(method::INITIALIZE);
        let future = self.inner.call(message);
        let gate = opens.then(|| self.gate.clone());
        ResponseFuture { step: Step::Sent { future, gate } }
    }
}

pin_project! {
    /// The future of a call through a [`Wassette`]. Dropping it cancels the call.
    pub struct ResponseFuture<S: Leaf> {
        #[pin]
        step: Step<S>,
    }
}

pin_project! {
    #[project = StepProj]
    enum Step<S: Leaf> {
        Answered { reply: Option<Reply> },
        Sent { #[pin] future: S::Future, gate: Option<Arc<Gate>> },
    }
}

impl<S: Leaf> Future for ResponseFuture<S> {
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().step.project() {
            StepProj::Answered { reply } => {
                Poll::Ready(Ok(reply.take().expect("a future is not polled after it is ready")))
            }
            StepProj::Sent { future, gate } => {
                let outcome = ready!(future.poll(cx));
                Poll::Ready(match gate.take() {
                    Some(gate) => opened(outcome, gate),
                    None => outcome,
                })
            }
        }
    }
}

/// The outcome of `initialize`.
fn opened(outcome: Result<Reply, Error>, gate: Arc<Gate>) -> Result<Reply, Error> {
    match outcome {
        Ok(reply) => Ok(reply.inspect(move |event| {
            if let Event::Message(message) = event
                && message.error().is_some()
            {
                gate.refused();
            }
        })),
        Err(error) => {
            gate.refused();
            Err(error)
        }
    }
}

impl<S: Leaf> Leaf for Wassette<S> {
    fn ended(&self) -> impl Future<Output = Exit> + Send + 'static {
        self.inner.ended()
    }

    fn stop(&self, why: Error) {
        self.inner.stop(why);
    }

    fn pid(&self) -> Option<u32> {
        self.inner.pid()
    }
}

impl<S: Clone> Clone for Wassette<S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), gate: self.gate.clone() }
    }
}

impl<S: fmt::Debug> fmt::Debug for Wassette<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wassette")
            .field("inner", &self.inner)
            .field("dialect", &self.gate.dialect)
            .finish_non_exhaustive()
    }
}

impl<S: Leaf> fmt::Debug for ResponseFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
