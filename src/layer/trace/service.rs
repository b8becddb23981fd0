use std::task::{Context, Poll};

use tower_service::Service;
use tracing::{Level, Span, enabled};

use super::TARGET;
use super::future::ResponseFuture;
use crate::macros::inner_accessors;
use crate::message::{Direction, JsonRpcMessage, Kind};
use crate::protocol::peek;
use crate::reply::Reply;

/// The middleware of [`TraceLayer`](super::TraceLayer).
#[derive(Clone, Debug)]
pub struct Trace<S> {
    pub(super) inner: S,
}

impl<S> Trace<S> {
    inner_accessors!();
}

impl<S> Service<JsonRpcMessage> for Trace<S>
where
    S: Service<JsonRpcMessage, Response = Reply>,
{
    type Response = Reply;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        if !enabled!(target: TARGET, Level::INFO) {
            return ResponseFuture::new(self.inner.call(message), None);
        }
        if message.kind() != Kind::Request {
            let (method, kind) = (message.method(), message.kind());
            tracing::debug!(target: TARGET, method, ?kind, direction = direction(&message), bytes = message.bytes().len());
            return ResponseFuture::new(self.inner.call(message), None);
        }
        let span = span(&message);
        let inner = span.in_scope(|| self.inner.call(message));
        ResponseFuture::new(inner, Some(span))
    }
}

/// Characters of a tool's name that are shown: it comes from the client.
const TOOL: usize = 128;

fn span(message: &JsonRpcMessage) -> Span {
    let tool =
        peek::tool_name(message).ok().flatten().map(|name| name.chars().take(TOOL).collect::<String>());
    let id = message.id().map(|id| id.as_str());
    tracing::info_span!(
        target: TARGET,
        "mcp",
        method = message.method(),
        tool = tool.as_deref(),
        id,
        direction = direction(message),
        session = message.context().and_then(|context| context.session_id())
    )
}

fn direction(message: &JsonRpcMessage) -> &'static str {
    match message.context().map(|context| context.direction()) {
        Some(Direction::ToClient) => "to_client",
        Some(Direction::ToUpstream) | None => "to_upstream",
    }
}
