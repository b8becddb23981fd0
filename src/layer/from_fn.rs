//! A layer from an async function.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tower_layer::Layer;
use tower_service::Service;

use crate::error::BoxError;
use crate::macros::inner_accessors;
use crate::message::JsonRpcMessage;
use crate::reply::{Reply, RpcService};

type BoxFuture = Pin<Box<dyn Future<Output = Result<Reply, BoxError>> + Send>>;

/// A layer from an async function of a message and what comes [`Next`].
///
/// The function begins inside `call`, so that messages go on in the order in which they came as long as it
/// does not wait before [`Next::run`]. The service below is cloned for each call; put a
/// `tower::buffer::BufferLayer` below where it has no `Clone`.
///
/// ```
/// use shadowcat::{BoxError, Code, JsonRpcMessage, Reply, layer::{Next, from_fn}};
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// async fn no_resources(message: JsonRpcMessage, next: Next) -> Result<Reply, BoxError> {
///     match message.method() {
///         Some("resources/read") => Ok(Reply::refuse(&message, Code::METHOD_NOT_FOUND, "Method not found")),
///         _ => next.run(message).await,
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
/// let mut stack = ServiceBuilder::new()
///     .layer(from_fn(no_resources))
///     .service_fn(|_: JsonRpcMessage| async { Ok::<_, BoxError>(Reply::empty()) });
/// let call = JsonRpcMessage::request(1, "resources/read", r#"{"uri":"file:///etc/passwd"}"#)?;
/// let reply = stack.ready().await?.call(call).await?;
/// assert!(reply.as_one().unwrap().error().is_some());
/// # Ok(()) }
/// ```
pub fn from_fn<F, Fut>(function: F) -> FromFnLayer<F>
where
    F: Fn(JsonRpcMessage, Next) -> Fut + Clone,
    Fut: Future<Output = Result<Reply, BoxError>> + Send + 'static,
{
    FromFnLayer { function }
}

/// The layer that [`from_fn`] makes.
#[derive(Clone)]
pub struct FromFnLayer<F> {
    function: F,
}

impl<F: Clone, S> Layer<S> for FromFnLayer<F> {
    type Service = FromFn<F, S>;

    fn layer(&self, inner: S) -> FromFn<F, S> {
        FromFn { function: self.function.clone(), inner }
    }
}

/// The middleware of [`from_fn`].
#[derive(Clone)]
pub struct FromFn<F, S> {
    function: F,
    inner: S,
}

impl<F, S> FromFn<F, S> {
    inner_accessors!();
}

/// The rest of the stack, for one message.
pub struct Next {
    run: Box<dyn FnOnce(JsonRpcMessage) -> BoxFuture + Send>,
}

impl Next {
    /// Gives the message to the rest of the stack.
    ///
    /// # Errors
    ///
    /// The rest of the stack failed.
    pub async fn run(self, message: JsonRpcMessage) -> Result<Reply, BoxError> {
        (self.run)(message).await
    }
}

impl<F, Fut, S> Service<JsonRpcMessage> for FromFn<F, S>
where
    F: Fn(JsonRpcMessage, Next) -> Fut,
    Fut: Future<Output = Result<Reply, BoxError>> + Send + 'static,
    S: RpcService + Clone,
{
    type Response = Reply;
    type Error = BoxError;
    type Future = FromFnFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, message: JsonRpcMessage) -> FromFnFuture {
        let clone = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, clone);
        let run = Box::new(move |message| {
            let call = ready.call(message);
            Box::pin(async move { call.await.map_err(Into::into) }) as BoxFuture
        });
        FromFnFuture::begin(Box::pin((self.function)(message, Next { run })))
    }
}

/// The future of [`FromFn`].
pub struct FromFnFuture(State);

enum State {
    Done(Option<Result<Reply, BoxError>>),
    Running(BoxFuture),
}

impl FromFnFuture {
    /// Runs up to the first wait. Whoever holds the future polls it again with a waker of its own.
    fn begin(mut future: BoxFuture) -> Self {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => Self(State::Done(Some(outcome))),
            Poll::Pending => Self(State::Running(future)),
        }
    }
}

impl Future for FromFnFuture {
    type Output = Result<Reply, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Done(outcome) => {
                Poll::Ready(outcome.take().expect("a future is not polled after it is ready"))
            }
            State::Running(future) => future.as_mut().poll(cx),
        }
    }
}

impl<F> fmt::Debug for FromFnLayer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFnLayer").field("function", &std::any::type_name::<F>()).finish()
    }
}

impl<F, S: fmt::Debug> fmt::Debug for FromFn<F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = std::any::type_name::<F>();
        f.debug_struct("FromFn").field("function", &function).field("inner", &self.inner).finish()
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").finish_non_exhaustive()
    }
}

impl fmt::Debug for FromFnFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFnFuture").finish_non_exhaustive()
    }
}
