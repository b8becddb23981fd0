//! Errors become JSON-RPC errors.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::error::{BoxError, Error};
use crate::macros::inner_accessors;
use crate::message::{JsonRpcMessage, Responder};
use crate::reply::{Reply, failure};

/// Turns every error below into one JSON-RPC error for the request that failed; nothing of its details
/// reaches the peer, they go to `tracing`.
///
/// It belongs outermost: what stands above it sees replies only. A front end does the same for a stack without
/// it; with it, layers above (a trace, a recorder) see the answer that the client gets.
///
/// The error itself rides along as an extension of the reply: a front end on HTTP goes by it for the status.
///
/// A failing session listen stays a failure, because that is how a front end learns that the server is gone. So does
/// a listen of the client's own that breaks once it is open: an answer would end it as if the server had done so, and
/// how the client learns it is up to the transport.
///
/// ```
/// use shadowcat::{Error, JsonRpcMessage, Reply, layer::CatchErrorLayer};
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut stack = ServiceBuilder::new()
///     .layer(CatchErrorLayer::new())
///     .service_fn(|_: JsonRpcMessage| async { Err::<Reply, _>(Error::closed("secret details")) });
/// let reply = stack.ready().await?.call(JsonRpcMessage::request(1, "ping", "")?).await?;
/// let error = String::from_utf8_lossy(reply.as_one().unwrap().error().unwrap()).into_owned();
/// assert!(error.contains("-32603") && !error.contains("secret"));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct CatchErrorLayer;

impl CatchErrorLayer {
    /// There is nothing to configure.
    pub fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for CatchErrorLayer {
    type Service = CatchError<S>;

    fn layer(&self, inner: S) -> CatchError<S> {
        CatchError { inner, broken: None }
    }
}

/// The middleware of [`CatchErrorLayer`].
#[derive(Clone, Debug)]
pub struct CatchError<S> {
    inner: S,
    /// The service below said that it can take no more calls, and is not called again.
    broken: Option<Error>,
}

impl<S> CatchError<S> {
    inner_accessors!();
}

impl<S> Service<JsonRpcMessage> for CatchError<S>
where
    S: Service<JsonRpcMessage, Response = Reply>,
    S::Error: Into<BoxError>,
{
    type Response = Reply;
    type Error = Infallible;
    type Future = CatchErrorFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.broken.is_none()
            && let Err(error) = ready!(self.inner.poll_ready(cx))
        {
            self.broken = Some(error.into().into());
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        let on_error = OnError {
            listen: message.is_session_listen(),
            stays_open: message.is_listen(),
            responder: message.responder(),
        };
        let call = match &self.broken {
            None => Call::Inner { inner: self.inner.call(message) },
            Some(error) => Call::Broken { error: error.clone() },
        };
        CatchErrorFuture { call, on_error }
    }
}

#[derive(Clone, Debug)]
struct OnError {
    listen: bool,
    stays_open: bool,
    responder: Responder,
}

impl OnError {
    fn reply(&self, error: BoxError) -> Reply {
        if self.listen {
            return Reply::failed(error.into());
        }
        let mut reply = failure(&self.responder, &error).map_or_else(Reply::empty, Reply::one);
        reply.extensions_mut().insert(Error::from(error));
        reply
    }
}

pin_project! {
    /// The future of [`CatchError`].
    pub struct CatchErrorFuture<F> {
        #[pin]
        call: Call<F>,
        on_error: OnError,
    }
}

pin_project! {
    #[project = CallProjection]
    enum Call<F> {
        Inner { #[pin] inner: F },
        Broken { error: Error },
    }
}

impl<F, E> Future for CatchErrorFuture<F>
where
    F: Future<Output = Result<Reply, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Reply, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let outcome = match this.call.project() {
            CallProjection::Inner { inner } => ready!(inner.poll(cx)).map_err(Into::into),
            CallProjection::Broken { error } => Err(error.clone().into()),
        };
        let on_error = this.on_error;
        Poll::Ready(Ok(match outcome {
            Ok(reply) if reply.is_single() || on_error.stays_open => reply,
            Ok(reply) => {
                let responder = on_error.responder.clone();
                reply.recover(move |error| failure(&responder, &error.into()))
            }
            Err(error) => on_error.reply(error),
        }))
    }
}

impl<F> fmt::Debug for CatchErrorFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatchErrorFuture").field("on_error", &self.on_error).finish_non_exhaustive()
    }
}
