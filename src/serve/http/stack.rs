//! Stacks without their types: a front end holds many, and polls them from many tasks.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::sync::Mutex;
use tower_service::Service;

use super::SessionInfo;
use crate::error::{BoxError, Error};
use crate::message::JsonRpcMessage;
use crate::reply::{Reply, RpcService};

/// A call that a stack has been given.
pub(super) type Calling = Pin<Box<dyn Future<Output = Result<Reply, BoxError>> + Send>>;
type Making = Pin<Box<dyn Future<Output = Result<BoxStack, BoxError>> + Send>>;

/// Any stack; there until it is dropped.
pub(super) struct BoxStack(Option<Box<dyn Stack>>);

trait Stack: Send {
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>>;
    fn begin(&mut self, message: JsonRpcMessage) -> Calling;
}

impl<S: RpcService> Stack for S {
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.poll_ready(cx).map_err(Into::into)
    }

    fn begin(&mut self, message: JsonRpcMessage) -> Calling {
        match already::<Calling, _>(self.call(message)) {
            Ok(boxed) => boxed,
            Err(calling) => Box::pin(async move { calling.await.map_err(Into::into) }),
        }
    }
}

/// A `T` as what it is, so that what a `BoxService` gives is not boxed once more.
fn already<T: 'static, U: 'static>(value: U) -> Result<T, U> {
    let mut value = Some(value);
    let found = (&mut value as &mut dyn Any).downcast_mut::<Option<T>>().and_then(Option::take);
    found.ok_or_else(|| value.expect("it was not taken out"))
}

impl BoxStack {
    pub(super) fn new(stack: impl RpcService) -> Self {
        Self(Some(Box::new(stack)))
    }
}

/// A panic while a stack is dropped must not take whoever ends its session.
impl Drop for BoxStack {
    fn drop(&mut self) {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(self.0.take())));
    }
}

impl Service<JsonRpcMessage> for BoxStack {
    type Response = Reply;
    type Error = BoxError;
    type Future = Calling;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.as_mut().map_or_else(|| Poll::Ready(Err(gone())), |stack| stack.poll_turn(cx))
    }

    fn call(&mut self, message: JsonRpcMessage) -> Calling {
        match &mut self.0 {
            Some(stack) => stack.begin(message),
            None => Box::pin(std::future::ready(Err(gone()))),
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

    /// A panic is a failure of this session and of no other.
    pub(super) async fn make(&self, session: SessionInfo) -> Result<BoxStack, BoxError> {
        let mut making = pin!(self.make_in_turn(session));
        poll_fn(|cx| {
            let polled = catch_unwind(AssertUnwindSafe(|| making.as_mut().poll(cx)));
            polled.unwrap_or_else(|_| Poll::Ready(Err("the maker of stacks panicked".into())))
        })
        .await
    }

    async fn make_in_turn(&self, session: SessionInfo) -> Result<BoxStack, BoxError> {
        let mut maker = self.0.lock().await;
        poll_fn(|cx| maker.poll_turn(cx)).await?;
        let making = maker.make(session);
        drop(maker);
        making.await
    }
}

fn gone() -> BoxError {
    Error::closed("the stack is gone").into()
}
