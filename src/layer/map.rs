//! Changing messages by a plain function.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::macros::inner_accessors;
use crate::message::JsonRpcMessage;
use crate::reply::Reply;

type Change = Arc<dyn Fn(JsonRpcMessage) -> JsonRpcMessage + Send + Sync>;

/// Changes every message on its way to the server, and every message of a reply on its way back.
///
/// Put it where the changed message should first be seen; what stands below sees the change on the way up,
/// what stands above on the way back.
///
/// A request keeps its id, and so does a response: a front end takes no answer under another one.
///
/// ```
/// use shadowcat::{JsonRpcMessage, Reply, layer::MapLayer};
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// fn old_name(message: JsonRpcMessage) -> JsonRpcMessage {
///     match message.is_method("tools/run") {
///         true => message.clone().edit().method("tools/call").finish().unwrap_or(message),
///         false => message,
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut stack = ServiceBuilder::new()
///     .layer(MapLayer::requests(old_name))
///     .service_fn(|message: JsonRpcMessage| async move { Ok::<_, shadowcat::Error>(Reply::one(message)) });
/// let seen = stack.ready().await?.call(JsonRpcMessage::request(1, "tools/run", "{}")?).await?;
/// assert_eq!(seen.as_one().unwrap().method(), Some("tools/call"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct MapLayer {
    request: Option<Change>,
    reply: Option<Change>,
}

impl MapLayer {
    /// Changes what goes to the server: requests, notifications and the client's answers.
    pub fn requests(change: impl Fn(JsonRpcMessage) -> JsonRpcMessage + Send + Sync + 'static) -> Self {
        Self { request: Some(Arc::new(change)), reply: None }
    }

    /// Changes what comes from the server: responses, notifications and the server's own requests.
    pub fn replies(change: impl Fn(JsonRpcMessage) -> JsonRpcMessage + Send + Sync + 'static) -> Self {
        Self { request: None, reply: Some(Arc::new(change)) }
    }

    /// Also changes what comes from the server.
    pub fn and_replies(
        mut self,
        change: impl Fn(JsonRpcMessage) -> JsonRpcMessage + Send + Sync + 'static,
    ) -> Self {
        self.reply = Some(Arc::new(change));
        self
    }
}

impl<S> Layer<S> for MapLayer {
    type Service = Map<S>;

    fn layer(&self, inner: S) -> Map<S> {
        Map { inner, layer: self.clone() }
    }
}

impl fmt::Debug for MapLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapLayer")
            .field("requests", &self.request.is_some())
            .field("replies", &self.reply.is_some())
            .finish()
    }
}

/// The middleware of [`MapLayer`].
#[derive(Clone, Debug)]
pub struct Map<S> {
    inner: S,
    layer: MapLayer,
}

impl<S> Map<S> {
    inner_accessors!();
}

impl<S> Service<JsonRpcMessage> for Map<S>
where
    S: Service<JsonRpcMessage, Response = Reply>,
{
    type Response = Reply;
    type Error = S::Error;
    type Future = MapFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        let message = match &self.layer.request {
            Some(change) => change(message),
            None => message,
        };
        MapFuture { inner: self.inner.call(message), change: self.layer.reply.clone() }
    }
}

pin_project! {
    /// The future of [`Map`].
    pub struct MapFuture<F> {
        #[pin]
        inner: F,
        change: Option<Change>,
    }
}

impl<F, E> Future for MapFuture<F>
where
    F: Future<Output = Result<Reply, E>>,
{
    type Output = Result<Reply, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let reply = ready!(this.inner.poll(cx));
        Poll::Ready(match this.change.take() {
            Some(change) => reply.map(|reply| reply.map(move |message| change(message))),
            None => reply,
        })
    }
}

impl<F> fmt::Debug for MapFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapFuture").finish_non_exhaustive()
    }
}
