//! From a client to the leaf: one call's beginning, and its future.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::initialize;
use super::member::Member;
use super::outbox;
use super::pending::{After, Pending};
use super::state::State;
use crate::connect::leaf::Leaf;
use crate::connect::rename::{self, Caller};
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::{method, peek};
use crate::reply::Reply;

pin_project! {
    /// The future of a call through a [`Client`](super::Client). Dropping it cancels the call.
    pub struct ResponseFuture<L: Leaf> {
        #[pin]
        inner: Inner<L>,
        call: Option<Pending<L>>,
    }

    impl<L: Leaf> PinnedDrop for ResponseFuture<L> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(call) = this.call {
                call.cancel(|| this.inner.set(Inner::Now { outcome: None }));
            }
        }
    }
}

pin_project! {
    #[project = InnerProjection]
    enum Inner<L: Leaf> {
        Now { outcome: Option<Result<Reply, Error>> },
        Sent { #[pin] future: L::Future },
        Initialize { future: Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>> },
    }
}

impl<L: Leaf> ResponseFuture<L> {
    pub(super) fn now(outcome: Result<Reply, Error>) -> Self {
        Self { inner: Inner::Now { outcome: Some(outcome) }, call: None }
    }

    pub(super) fn initialize(
        future: impl Future<Output = Result<Reply, Error>> + Send + 'static,
        call: Pending<L>,
    ) -> Self {
        Self { inner: Inner::Initialize { future: Box::pin(future) }, call: Some(call) }
    }

    fn sent(future: L::Future, call: Option<Pending<L>>) -> Self {
        Self { inner: Inner::Sent { future }, call }
    }
}

/// What is to be done with a request.
pub(super) enum Plan {
    Answer(Reply),
    Send(JsonRpcMessage, After),
}

/// Calls the leaf in the call itself, so that call order is wire order.
pub(super) fn start<L: Leaf>(
    leaf: &mut L,
    member: &Arc<Member<L>>,
    message: JsonRpcMessage,
) -> ResponseFuture<L> {
    if let Some(why) = member.stopped() {
        return ResponseFuture::now(Err(why.unsent()));
    }
    match message.kind() {
        Kind::Request if message.is_session_listen() => ResponseFuture::now(outbox::open(member)),
        Kind::Request if message.is_method(method::INITIALIZE) => initialize::start(leaf, member, message),
        Kind::Request => request(leaf, member, message),
        Kind::Notification => notification(leaf, member, message),
        Kind::Response => answer(leaf, member, message),
    }
}

fn request<L: Leaf>(leaf: &mut L, member: &Arc<Member<L>>, message: JsonRpcMessage) -> ResponseFuture<L> {
    let mut state = member.core().lock();
    let plan = match message.method() {
        Some(method::RESOURCES_SUBSCRIBE) => state.subscribe(member.id, message),
        Some(method::RESOURCES_UNSUBSCRIBE) => state.unsubscribe(member.id, message),
        Some(method::SET_LEVEL) => state.set_level(member.id, message),
        _ => Plan::Send(message, After::Nothing),
    };
    match plan {
        Plan::Answer(reply) => ResponseFuture::now(Ok(reply)),
        Plan::Send(message, after) => send(leaf, member, &mut state, message, after),
    }
}

fn send<L: Leaf>(
    leaf: &mut L,
    member: &Arc<Member<L>>,
    state: &mut State<L>,
    message: JsonRpcMessage,
    after: After,
) -> ResponseFuture<L> {
    let Some(id) = message.owned_id() else {
        return ResponseFuture::now(Err(Error::invalid("a request without an id").unsent()));
    };
    let token = message.meta().and_then(|_| peek::progress_token(&message).ok()?).map(|id| id.to_owned());
    let (is_listen, context) = (message.is_listen(), message.context().cloned());
    let wire = state.fresh_id();
    let sent = match rename::send(message, &wire, token.is_some()) {
        Ok(sent) => sent,
        Err(error) => {
            state.undo(member.id, &after);
            return ResponseFuture::now(Err(error.unsent()));
        }
    };
    if !is_listen {
        state.running.begin(member.id);
    }
    let call = Pending::new(member, wire, Caller { id, token }, is_listen, context, after);
    ResponseFuture::sent(leaf.call(sent), Some(call))
}

fn notification<L: Leaf>(
    leaf: &mut L,
    member: &Arc<Member<L>>,
    message: JsonRpcMessage,
) -> ResponseFuture<L> {
    let mut state = member.core().lock();
    let message = match message.method() {
        Some(method::INITIALIZED) if std::mem::replace(&mut state.told_initialized, true) => None,
        Some(method::CANCELLED) => cancelled(member, message),
        _ => Some(message),
    };
    match message {
        Some(message) => ResponseFuture::sent(leaf.call(message), None),
        None => ResponseFuture::now(Ok(Reply::empty())),
    }
}

/// A cancellation that came as a plain message; one that names no call of this client's goes nowhere.
fn cancelled<L: Leaf>(member: &Member<L>, message: JsonRpcMessage) -> Option<JsonRpcMessage> {
    let named = peek::cancelled_id(&message).ok()??.to_owned();
    rename::cancelled(message, &member.wire_id(&named)?)
}

/// The answer to a question of the server; only whom it asked may answer.
fn answer<L: Leaf>(leaf: &mut L, member: &Arc<Member<L>>, message: JsonRpcMessage) -> ResponseFuture<L> {
    let mut state = member.core().lock();
    if message.owned_id().is_some_and(|id| state.questions.take(&id, member.id)) {
        return ResponseFuture::sent(leaf.call(message), None);
    }
    state.counts.unmatched_answers += 1;
    tracing::debug!(id = ?message.id(), "an answer to a question that the client was not asked was dropped");
    ResponseFuture::now(Ok(Reply::empty()))
}

impl<L: Leaf> Future for ResponseFuture<L> {
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(why) = this.call.as_ref().and_then(Pending::stopped) {
            if let Some(mut call) = this.call.take() {
                call.cancel(|| this.inner.set(Inner::Now { outcome: None }));
            }
            return Poll::Ready(Err(why));
        }
        let outcome = match this.inner.as_mut().project() {
            InnerProjection::Now { outcome } => {
                return Poll::Ready(outcome.take().expect("a future is not polled after it is ready"));
            }
            InnerProjection::Sent { future } => future.poll(cx),
            InnerProjection::Initialize { future } => future.as_mut().poll(cx),
        };
        if let (Poll::Pending, Some(call)) = (&outcome, &this.call) {
            call.watch(cx.waker());
        }
        let outcome = ready!(outcome);
        this.inner.set(Inner::Now { outcome: None });
        Poll::Ready(match this.call.take() {
            Some(call) => call.receive(outcome),
            None => outcome,
        })
    }
}

impl<L: Leaf> fmt::Debug for ResponseFuture<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("call", &self.call).finish_non_exhaustive()
    }
}
