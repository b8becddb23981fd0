//! The way of a call to whatever leaf there is.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;
use tokio::sync::oneshot;
use tower_service::Service;

use super::listen;
use super::session::Session;
use super::state::{Admission, Order, Phase, Shared};
use super::status::{Stats, Status, Statuses};
use crate::connect::leaf::{Exit, Leaf};
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::method;
use crate::reply::{Event, Reply};

/// A leaf that is watched, and made again when it ends; cheap to clone.
///
/// When every clone, pending call and open reply is gone, the leaf is let go, and the supervisor with it.
///
/// # Errors
///
/// Whatever the leaf fails with. Besides, all of it [unsent](Error::is_unsent): when the supervisor gave up or was
/// stopped, an error that [`is_closed`](Error::is_closed) and tells why; when a start failed for which the call
/// waited, the reason; when too many calls wait, one that [`is_busy`](Error::is_busy); and
/// [`is_session_lost`](Error::is_session_lost) where the client's session went with the leaf.
///
/// # Backpressure
///
/// A call that comes while the leaf is being made waits for that one attempt, in order. At most
/// [`max_waiting`](super::Supervisor::max_waiting) calls and 8 MiB wait.
pub struct Supervised<L: Leaf> {
    handle: Arc<Handle<L>>,
    /// A clone of the leaf, spared the lock as long as it is the current one.
    own: Option<(u64, L)>,
    /// The era of the session is known.
    settled: bool,
}

/// Dropped with the last caller.
pub(super) struct Handle<L: Leaf>(pub(super) Arc<Shared<L>>);

impl<L: Leaf> Drop for Handle<L> {
    fn drop(&mut self) {
        self.0.give(Order::Release);
    }
}

impl<L: Leaf> Supervised<L> {
    pub(super) fn new(shared: Arc<Shared<L>>) -> Self {
        Self { handle: Arc::new(Handle(shared)), own: None, settled: false }
    }

    /// How it is now.
    pub fn status(&self) -> Status {
        self.shared().status.borrow().clone()
    }

    /// How it is now and each time that this has changed.
    pub fn statuses(&self) -> Statuses {
        Statuses::new(self.shared().status.subscribe())
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        self.shared().lock().stats
    }

    /// The leaf that calls go to now.
    pub fn current(&self) -> Option<L> {
        match &self.shared().lock().phase {
            Phase::Open(leaf) => Some(leaf.clone()),
            Phase::Starting | Phase::Closed(_) => None,
        }
    }

    /// Waits until calls go through.
    ///
    /// # Errors
    ///
    /// The supervisor gave up, or was stopped.
    pub async fn running(&self) -> Result<(), Error> {
        let mut status = self.shared().status.subscribe();
        let reached = status.wait_for(|status| status.is_running() || status.is_final()).await;
        match reached.as_deref() {
            Ok(Status::Running) => Ok(()),
            Ok(Status::Failed { why }) => Err(why.clone()),
            _ => Err(Error::closed("the supervisor was stopped").unsent()),
        }
    }

    /// Stops the leaf for good, whoever has calls under way, and waits until it has ended.
    pub async fn shutdown(self) {
        let ended = Leaf::ended(&self);
        self.shared().give(Order::Stop);
        ended.await;
    }

    fn shared(&self) -> &Arc<Shared<L>> {
        &self.handle.0
    }

    /// Through the lock: to a new leaf, or to wait for one.
    fn admit(&mut self, message: JsonRpcMessage) -> Start<L> {
        let mut state = self.handle.0.lock();
        let admission = state.admit(message);
        self.settled = state.session.is_settled();
        self.handle.0.widen(&state);
        drop(state);
        self.handle.0.changed();
        match admission {
            Admission::Open(leaf, generation, message) => self.start(leaf, generation, message),
            Admission::Wait(start) => Start::Waiting { start },
            Admission::Refused(error) => Start::Refused { error: Some(error) },
        }
    }

    /// On the clone that was asked whether it is ready; one that came since is asked now.
    fn start(&mut self, leaf: L, generation: u64, message: JsonRpcMessage) -> Start<L> {
        if self.own.as_ref().is_none_or(|(own, _)| *own != generation) {
            let mut cx = Context::from_waker(Waker::noop());
            let leaf = &mut self.own.insert((generation, leaf)).1;
            match leaf.poll_ready(&mut cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Start::Refused { error: Some(error.unsent()) },
                Poll::Pending => {
                    let error = Error::busy("the server was restarted just now").unsent();
                    return Start::Refused { error: Some(error) };
                }
            }
        }
        match &mut self.own {
            Some((_, leaf)) => Start::Called { future: leaf.call(message) },
            None => unreachable!("it was set above"),
        }
    }
}

impl<L: Leaf> Service<JsonRpcMessage> for Supervised<L> {
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture<L>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let shared = &self.handle.0;
        if !self.own.as_ref().is_some_and(|(generation, _)| shared.is_open(*generation)) {
            let state = shared.lock();
            self.own = match &state.phase {
                Phase::Open(leaf) => Some((state.generation, leaf.clone())),
                Phase::Starting | Phase::Closed(_) => None,
            };
        }
        let Some((generation, leaf)) = &mut self.own else { return Poll::Ready(Ok(())) };
        match leaf.poll_ready(cx) {
            Poll::Ready(Err(error)) => {
                // Its end will be noticed; until then calls wait for what comes next.
                shared.lock().report(*generation, error);
                shared.shut();
                shared.changed();
                self.own = None;
                Poll::Ready(Ok(()))
            }
            ready => ready,
        }
    }

    fn call(&mut self, message: JsonRpcMessage) -> ResponseFuture<L> {
        if message.is_session_listen() {
            let reply = listen::open(&self.handle, message);
            return ResponseFuture {
                start: Start::Listens { reply: Some(reply) },
                handle: None,
                opens: false,
            };
        }
        let opens = message.kind() == Kind::Request && message.is_method(method::INITIALIZE);
        let direct = !Session::concerns(&message) && (self.settled || message.meta().is_none());
        let start = match &mut self.own {
            Some((generation, leaf)) if direct && self.handle.0.is_open(*generation) => {
                Start::Called { future: leaf.call(message) }
            }
            _ => self.admit(message),
        };
        ResponseFuture { start, handle: Some(self.handle.clone()), opens }
    }
}

pin_project! {
    /// The future of a call through a [`Supervised`] leaf. Dropping it cancels the call.
    pub struct ResponseFuture<L: Leaf> {
        #[pin]
        start: Start<L>,
        // Keeps the leaf.
        handle: Option<Arc<Handle<L>>>,
        // The answer opens a session.
        opens: bool,
    }
}

pin_project! {
    #[project = Step]
    enum Start<L: Leaf> {
        Waiting { start: oneshot::Receiver<Result<L::Future, Error>> },
        Called { #[pin] future: L::Future },
        Refused { error: Option<Error> },
        Listens { reply: Option<Reply> },
    }
}

impl<L: Leaf> Future for ResponseFuture<L> {
    type Output = Result<Reply, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.start.as_mut().project() {
                Step::Called { future } => {
                    let reply = std::task::ready!(future.poll(cx))?;
                    return Poll::Ready(Ok(hear(reply, this.handle.as_ref().filter(|_| *this.opens))));
                }
                Step::Waiting { start } => match std::task::ready!(Pin::new(start).poll(cx)) {
                    Ok(Ok(future)) => Start::Called { future },
                    Ok(Err(error)) => return Poll::Ready(Err(error)),
                    Err(_) => return Poll::Ready(Err(Error::closed("the supervisor is gone").unsent())),
                },
                Step::Refused { error } => {
                    let error = error.take().expect("a future is not polled after it is ready");
                    return Poll::Ready(Err(error));
                }
                Step::Listens { reply } => {
                    let reply = reply.take().expect("a future is not polled after it is ready");
                    return Poll::Ready(Ok(reply));
                }
            };
            this.start.set(next);
        }
    }
}

/// The answer to `initialize` is remembered.
fn hear<L: Leaf>(reply: Reply, handle: Option<&Arc<Handle<L>>>) -> Reply {
    let Some(handle) = handle else { return reply };
    let shared = handle.0.clone();
    reply.inspect(move |event| {
        if let Event::Message(message) = event
            && message.kind() == Kind::Response
        {
            shared.lock().session.hear(message);
            shared.changed();
        }
    })
}

impl<L: Leaf> Leaf for Supervised<L> {
    fn ended(&self) -> impl Future<Output = Exit> + Send + 'static {
        let mut status = self.shared().status.subscribe();
        async move {
            let last = status.wait_for(Status::is_final).await.map(|status| status.clone());
            match last {
                Ok(Status::Failed { why }) => Exit::new(None, why),
                _ => Exit::new(None, Error::closed("the supervisor was stopped")),
            }
        }
    }

    fn stop(&self, why: Error) {
        tracing::info!(%why, "the supervised leaf is to stop");
        self.shared().give(Order::Stop);
    }

    fn pid(&self) -> Option<u32> {
        self.current().and_then(|leaf| leaf.pid())
    }
}

impl<L: Leaf> Clone for Supervised<L> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone(), own: None, settled: self.settled }
    }
}

impl<L: Leaf> fmt::Debug for Supervised<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervised").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl<L: Leaf> fmt::Debug for ResponseFuture<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("opens", &self.opens).finish_non_exhaustive()
    }
}
