use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::Control;
use super::sent::Sent;
use crate::message::{JsonRpcMessage, Kind};
use crate::reply::{Reply, RpcService};
use crate::wassette::ManagementTool;

type Checking<E> = Pin<Box<dyn Future<Output = Result<Reply, E>> + Send>>;

pin_project! {
    /// The future of [`ComponentGuard`](super::ComponentGuard). Dropping it cancels the call.
    pub struct ResponseFuture<S: RpcService> {
        #[pin]
        state: State<S>,
    }
}

pin_project! {
    #[project = Projection]
    enum State<S: RpcService> {
        Passed { #[pin] inner: S::Future, watch: Option<Watch> },
        Refused { reply: Option<Reply> },
        Checking { checking: Checking<S::Error> },
    }
}

/// What is done with the reply to a message that was let go.
pub(super) struct Watch {
    control: Control,
    /// Of a list of tools, and of a tool that manages.
    request: Option<JsonRpcMessage>,
    tool: Option<ManagementTool>,
    sent: Sent,
}

impl Watch {
    pub(super) fn new(control: &Control, message: &JsonRpcMessage, tool: Option<ManagementTool>) -> Self {
        let is_needed = tool.is_some() || super::list::is_list(message);
        let sent = Sent::new(&control.0.components, message);
        let request = is_needed.then(|| message.clone().detach());
        Self { control: control.clone(), request, tool, sent }
    }

    pub(super) fn reply(self, reply: Reply) -> Reply {
        let tool = self.tool;
        let control = self.control.clone();
        let mut reply = reply.map(move |message| self.see(message));
        if let Some(tool) = tool {
            control.allowed(&mut reply, tool);
        }
        reply
    }

    fn see(&self, message: JsonRpcMessage) -> JsonRpcMessage {
        let components = &self.control.0.components;
        match (message.kind(), &self.request, self.tool) {
            (Kind::Notification, ..) => components.told(&message),
            (Kind::Response, Some(request), Some(_)) => self.sent.answered(components, request, &message),
            (Kind::Response, Some(request), None) => return self.control.filtered(request, message),
            _ => {}
        }
        message
    }
}

impl<S: RpcService> ResponseFuture<S> {
    pub(super) fn passed(inner: S::Future, watch: Watch) -> Self {
        Self { state: State::Passed { inner, watch: Some(watch) } }
    }

    pub(super) fn refused(reply: Reply) -> Self {
        Self { state: State::Refused { reply: Some(reply) } }
    }

    pub(super) fn checking(checking: impl Future<Output = Result<Reply, S::Error>> + Send + 'static) -> Self {
        Self { state: State::Checking { checking: Box::pin(checking) } }
    }
}

impl<S: RpcService> Future for ResponseFuture<S> {
    type Output = Result<Reply, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Projection::Passed { inner, watch } => {
                let reply = ready!(inner.poll(cx));
                Poll::Ready(match watch.take() {
                    Some(watch) => reply.map(|reply| watch.reply(reply)),
                    None => reply,
                })
            }
            Projection::Refused { reply } => Poll::Ready(Ok(reply.take().unwrap_or_else(Reply::empty))),
            Projection::Checking { checking } => checking.as_mut().poll(cx),
        }
    }
}

impl<S: RpcService> fmt::Debug for ResponseFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
