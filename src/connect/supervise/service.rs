//! The way of a call to whatever leaf there is.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use tower_service::Service;

use super::call::{Handle, ResponseFuture, Start, Watched};
use super::session::Attempt;
use super::state::{Order, Phase, Shared};
use super::status::{Stats, Status, Statuses};
use super::waiting::Admission;
use super::{listen, questions};
use crate::connect::leaf::{Exit, Leaf};
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::method;
use crate::reply::Reply;

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
        self.shared().give(Order::Stop, None);
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
        drop(state);
        self.handle.0.changed();
        self.begin(admission)
    }

    fn begin(&mut self, admission: Admission<L>) -> Start<L> {
        match admission {
            Admission::Open(leaf, generation, message) => self.start(leaf, generation, message),
            Admission::Wait(start) => Start::Waiting { start },
            Admission::Refused(error) => Start::done(Err(error)),
        }
    }

    /// On the clone that was asked whether it is ready; one that came since is asked now.
    fn start(&mut self, leaf: L, generation: u64, message: JsonRpcMessage) -> Start<L> {
        let known = self.own.as_ref().is_some_and(|(own, _)| *own == generation);
        let (_, own) = match &mut self.own {
            Some(own) if known => own,
            other => other.insert((generation, leaf)),
        };
        let mut cx = Context::from_waker(Waker::noop());
        match if known { Poll::Ready(Ok(())) } else { own.poll_ready(&mut cx) } {
            Poll::Ready(Ok(())) => Start::Called { future: own.call(message), generation },
            Poll::Ready(Err(error)) => Start::done(Err(error.unsent())),
            Poll::Pending => Start::done(Err(Error::busy("the server was restarted just now").unsent())),
        }
    }

    /// The client's answer to a question of the server, unless the server is another by now.
    fn answer(&mut self, message: JsonRpcMessage) -> Start<L> {
        let mut state = self.handle.0.lock();
        let generation = state.open_generation();
        let answer = generation.and_then(|generation| questions::answer(message, generation));
        let admission = answer.map(|message| state.admit(message));
        drop(state);
        match admission {
            Some(admission) => self.begin(admission),
            None => {
                tracing::debug!("an answer to a question of a server that is gone was dropped");
                Start::done(Ok(Reply::empty()))
            }
        }
    }

    /// A request whose answer the session is to hear; an `initialize` gets a number.
    fn watch(&self, message: &mut JsonRpcMessage) -> Option<Watched<L>> {
        static ATTEMPTS: AtomicU64 = AtomicU64::new(1);
        if !self.handle.0.lock().session.concerns(message) {
            return None;
        }
        if message.is_method(method::INITIALIZE) {
            let attempt = Attempt(ATTEMPTS.fetch_add(1, Ordering::Relaxed));
            message.extensions_mut().insert(attempt);
        }
        Some(Watched::new(self.handle.clone(), message.clone()))
    }

    /// Nothing that the session has to know of.
    fn is_plain(&self, message: &JsonRpcMessage) -> bool {
        const NOTABLE: [&str; 5] = [
            method::INITIALIZE,
            method::INITIALIZED,
            method::SET_LEVEL,
            method::RESOURCES_SUBSCRIBE,
            method::RESOURCES_UNSUBSCRIBE,
        ];
        (self.settled || message.meta().is_none()) && !NOTABLE.iter().any(|name| message.is_method(name))
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
                // Calls wait for what comes next.
                shared.report(*generation, error);
                self.own = None;
                Poll::Ready(Ok(()))
            }
            ready => ready,
        }
    }

    fn call(&mut self, mut message: JsonRpcMessage) -> ResponseFuture<L> {
        let handle = self.handle.clone();
        if message.is_session_listen() {
            let reply = listen::open(&handle, message);
            return ResponseFuture::new(Start::done(Ok(reply)), handle, None, false);
        }
        if message.kind() == Kind::Response {
            return ResponseFuture::new(self.answer(message), handle, None, false);
        }
        let may_ask = message.kind() == Kind::Request && !message.is_listen();
        if self.is_plain(&message)
            && let Some((generation, leaf)) = &mut self.own
            && handle.0.is_open(*generation)
        {
            let start = Start::Called { future: leaf.call(message), generation: *generation };
            return ResponseFuture::new(start, handle, None, may_ask);
        }
        let watched = self.watch(&mut message);
        ResponseFuture::new(self.admit(message), handle, watched, may_ask)
    }
}

impl<L: Leaf> Leaf for Supervised<L> {
    fn ended(&self) -> impl Future<Output = Exit> + Send + 'static {
        let mut status = self.shared().status.subscribe();
        let shared = Arc::downgrade(self.shared());
        async move {
            let last = status.wait_for(Status::is_final).await.map(|status| status.clone());
            let exit = shared.upgrade().and_then(|shared| shared.lock().exit.clone());
            match (last, exit) {
                (Ok(Status::Failed { why }), exit) => Exit::new(exit.and_then(|exit| exit.status()), why),
                (_, Some(exit)) => exit,
                (_, None) => Exit::new(None, Error::closed("the supervisor was stopped")),
            }
        }
    }

    fn stop(&self, why: Error) {
        self.shared().give(Order::Stop, Some(why));
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
