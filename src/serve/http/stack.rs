//! Stacks without their types: a front end holds many, and polls them from many tasks.

use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::Mutex;
use tower_service::Service;

use super::SessionInfo;
use crate::error::BoxError;
use crate::message::JsonRpcMessage;
use crate::reply::{Reply, RpcService};

/// A call that a stack has been given.
pub(super) type Calling = Pin<Box<dyn Future<Output = Result<Reply, BoxError>> + Send>>;
type Making = Pin<Box<dyn Future<Output = Result<BoxStack, BoxError>> + Send>>;

/// Any stack.
pub(super) struct BoxStack(Box<dyn Stack>);

trait Stack: Send {
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>>;
    fn begin(&mut self, message: JsonRpcMessage) -> Calling;
}

impl<S: RpcService> Stack for S {
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.poll_ready(cx).map_err(Into::into)
    }

    fn begin(&mut self, message: JsonRpcMessage) -> Calling {
        let calling = self.call(message);
        Box::pin(async move { calling.await.map_err(Into::into) })
    }
}

impl BoxStack {
    pub(super) fn new(stack: impl RpcService) -> Self {
        Self(Box::new(stack))
    }
}

impl Service<JsonRpcMessage> for BoxStack {
    type Response = Reply;
    type Error = BoxError;
    type Future = Calling;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_turn(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Calling {
        self.0.begin(message)
    }
}

/// One stack for many tasks, in the order in which they come: `poll_ready` remembers only the last that asked.
pub(super) struct Turns(Mutex<BoxStack>);

impl Turns {
    pub(super) fn new(stack: BoxStack) -> Arc<Self> {
        Arc::new(Self(Mutex::new(stack)))
    }

    /// Waits for a turn, then calls. Dropped at any time, it leaves the turn to the next.
    pub(super) fn call(self: Arc<Self>, message: JsonRpcMessage) -> Turn {
        Turn(Step::New(self, message))
    }

    /// The call, if it is our turn and the stack is ready.
    fn try_call(&self, message: JsonRpcMessage, cx: &mut Context<'_>) -> Result<Calling, NotYet> {
        let Ok(mut stack) = self.0.try_lock() else { return Err(NotYet::Wait(message)) };
        match stack.poll_ready(cx) {
            Poll::Ready(Ok(())) => Ok(stack.call(message)),
            Poll::Ready(Err(error)) => Err(NotYet::Failed(error)),
            Poll::Pending => Err(NotYet::Wait(message)),
        }
    }

    async fn wait(self: Arc<Self>, message: JsonRpcMessage) -> Result<Reply, BoxError> {
        let mut stack = self.0.lock().await;
        poll_fn(|cx| stack.poll_ready(cx)).await?;
        let calling = stack.call(message);
        drop(stack);
        drop(self);
        calling.await
    }
}

/// A call that waits for its turn where it must, which is rare.
pub(super) struct Turn(Step);

enum Step {
    New(Arc<Turns>, JsonRpcMessage),
    Running(Calling),
    Over,
}

enum NotYet {
    Wait(JsonRpcMessage),
    Failed(BoxError),
}

impl Future for Turn {
    type Output = Result<Reply, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Step::New(..) = self.0
            && let Step::New(turns, message) = mem::replace(&mut self.0, Step::Over)
        {
            self.0 = Step::Running(match turns.try_call(message, cx) {
                Ok(calling) => calling,
                Err(NotYet::Wait(message)) => Box::pin(turns.wait(message)),
                Err(NotYet::Failed(error)) => return Poll::Ready(Err(error)),
            });
        }
        match &mut self.0 {
            Step::Running(calling) => calling.as_mut().poll(cx),
            _ => Poll::Pending,
        }
    }
}

/// What makes a stack for each session.
pub(super) struct Maker(Mutex<Box<dyn MakeStack>>);

trait MakeStack: Send {
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>>;
    fn make(&mut self, session: SessionInfo) -> Making;
}

impl<M, S> MakeStack for M
where
    M: Service<SessionInfo, Response = S, Error: Into<BoxError>, Future: Send + 'static> + Send + 'static,
    S: RpcService,
{
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.poll_ready(cx).map_err(Into::into)
    }

    fn make(&mut self, session: SessionInfo) -> Making {
        let making = self.call(session);
        Box::pin(async move { making.await.map(BoxStack::new).map_err(Into::into) })
    }
}

impl Maker {
    pub(super) fn new<M, S>(make: M) -> Self
    where
        M: Service<SessionInfo, Response = S, Error: Into<BoxError>, Future: Send + 'static> + Send + 'static,
        S: RpcService,
    {
        Self(Mutex::new(Box::new(make)))
    }

    pub(super) async fn make(&self, session: SessionInfo) -> Result<BoxStack, BoxError> {
        let mut maker = self.0.lock().await;
        poll_fn(|cx| maker.poll_turn(cx)).await?;
        let making = maker.make(session);
        drop(maker);
        making.await
    }
}
