//! Whether the server has said that its tools changed.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{BoxError, Error};
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::method;
use crate::reply::{Reply, RpcService};
use crate::wire::http::ToolsReader;

/// A listen that ended is not opened again before that, and one that the server did not take not before the other.
const PAUSE: Duration = Duration::from_secs(1);
const LONG_PAUSE: Duration = Duration::from_secs(60);
/// What is looked at in one go.
const MOST: usize = 1024;

/// A listen of our own. No task reads it: it is looked at when its word counts, and its queue is bounded.
#[derive(Default)]
pub(super) struct Watch {
    listen: Option<Listen>,
    /// It was taken.
    is_heard: bool,
    not_before: Option<Instant>,
}

enum Listen {
    Opening(Pin<Box<dyn Future<Output = Result<Reply, BoxError>> + Send>>),
    Open(Reply),
}

impl Watch {
    /// Asks the server to tell, unless it was asked. What follows on the same pipe, the server reads after that.
    pub(super) fn open<S: RpcService>(&mut self, inner: &mut S, reader: &ToolsReader) {
        if self.listen.is_some() || !self.is_due() {
            return;
        }
        let Ok(request) = reader.listen_request() else { return };
        let opening = inner.call(request);
        self.listen = Some(Listen::Opening(Box::pin(async move { opening.await.map_err(Into::into) })));
        self.is_heard = false;
        self.has_changed(); // so that it is on its way, whatever the service below
    }

    /// A listen that was open is gone, and another may take its place.
    pub(super) fn is_lost(&self) -> bool {
        self.listen.is_none() && self.is_heard && self.is_due()
    }

    fn is_due(&self) -> bool {
        self.not_before.is_none_or(|at| at <= Instant::now())
    }

    /// Whether what was known does not hold any more: the server said so, or it may have, unheard.
    pub(super) fn has_changed(&mut self) -> bool {
        let mut has_changed = false;
        for _ in 0..MOST {
            match self.poll() {
                Poll::Pending => break,
                Poll::Ready(Some(message)) => {
                    self.is_heard = true;
                    has_changed |= message.is_method(method::TOOLS_LIST_CHANGED);
                }
                Poll::Ready(None) => {
                    let pause = if self.is_heard { PAUSE } else { LONG_PAUSE };
                    (self.listen, self.not_before) = (None, Some(Instant::now() + pause));
                    return has_changed || self.is_heard;
                }
            }
        }
        has_changed
    }

    /// What it says; `None` at its end.
    fn poll(&mut self) -> Poll<Option<JsonRpcMessage>> {
        let mut cx = Context::from_waker(Waker::noop());
        if let Some(Listen::Opening(opening)) = &mut self.listen {
            match opening.as_mut().poll(&mut cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(reply)) => self.listen = Some(Listen::Open(reply)),
                Poll::Ready(Err(error)) => return self.ended(&error.into()),
            }
        }
        let Some(Listen::Open(reply)) = &mut self.listen else { return Poll::Pending };
        match reply.poll_message(&mut cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(message))) if message.kind() != Kind::Response => Poll::Ready(Some(message)),
            Poll::Ready(Some(Err(error))) => self.ended(&error),
            Poll::Ready(_) => self.ended(&Error::closed("the server ended it")),
        }
    }

    fn ended(&self, why: &Error) -> Poll<Option<JsonRpcMessage>> {
        tracing::debug!(%why, "nothing tells whether the server's tools change");
        Poll::Ready(None)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("is_open", &self.listen.is_some()).finish_non_exhaustive()
    }
}
