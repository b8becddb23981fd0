//! What the callers and the supervisor share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use tokio::sync::{oneshot, watch};

use super::session::Session;
use super::status::{Stats, Status};
use crate::connect::leaf::Leaf;
use crate::error::Error;
use crate::message::JsonRpcMessage;

/// Bytes of calls that wait for a leaf.
const WAITING_BYTES: usize = 8 << 20;

pub(super) struct Shared<L: Leaf> {
    state: Mutex<State<L>>,
    /// Counts the leaves that calls may go to; zero while they may go to none. Read without the lock.
    open: AtomicU64,
    pub(super) status: watch::Sender<Status>,
    /// The supervisor looks at the state anew.
    news: watch::Sender<()>,
}

pub(super) struct State<L: Leaf> {
    pub(super) phase: Phase<L>,
    /// Of the leaf that is open or was last.
    pub(super) generation: u64,
    pub(super) session: Session,
    waiting: VecDeque<Waiter<L>>,
    max_waiting: usize,
    /// What the client is to be told unasked.
    pub(super) news: VecDeque<JsonRpcMessage>,
    /// Whoever reads the session's listen.
    listeners: Vec<Waker>,
    pub(super) stats: Stats,
    pub(super) order: Order,
    /// What a caller found who used the leaf before its end was known.
    pub(super) broken: Option<Error>,
}

pub(super) enum Phase<L> {
    /// Calls wait.
    Starting,
    Open(L),
    /// Calls fail.
    Closed(Error),
}

/// What the supervisor was told to do; the strongest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    Watch,
    /// No caller is left; those whose calls are under way keep the leaf.
    Release,
    Stop,
}

/// A call that waits for a leaf.
struct Waiter<L: Leaf> {
    message: JsonRpcMessage,
    start: oneshot::Sender<Result<L::Future, Error>>,
}

/// The first half of a call.
pub(super) enum Admission<L: Leaf> {
    /// The message goes to this leaf, once that is ready.
    Open(L, u64, JsonRpcMessage),
    Wait(oneshot::Receiver<Result<L::Future, Error>>),
    Refused(Error),
}

impl<L: Leaf> Shared<L> {
    pub(super) fn new(max_waiting: usize) -> Arc<Self> {
        let state = State {
            phase: Phase::Starting,
            generation: 0,
            session: Session::default(),
            waiting: VecDeque::new(),
            max_waiting,
            news: VecDeque::new(),
            listeners: Vec::new(),
            stats: Stats::default(),
            order: Order::Watch,
            broken: None,
        };
        let (status, _) = watch::channel(Status::Starting { after: None });
        Arc::new(Self {
            state: Mutex::new(state),
            open: AtomicU64::new(0),
            status,
            news: watch::channel(()).0,
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<L>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether calls go to the leaf of this generation.
    pub(super) fn is_open(&self, generation: u64) -> bool {
        self.open.load(Ordering::Acquire) == generation
    }

    /// Calls go to this leaf, those that waited first and in their order.
    pub(super) async fn open(&self, mut leaf: L) -> Result<(), Error> {
        loop {
            std::future::poll_fn(|cx| leaf.poll_ready(cx)).await?;
            let mut state = self.lock();
            let Some(waiter) = state.next_waiter() else {
                state.generation += 1;
                state.phase = Phase::Open(leaf);
                self.widen(&state);
                state.wake_listeners();
                return Ok(());
            };
            // In the lock, so that no later call comes before it.
            let start = state.session.admit(&waiter.message).map(|()| leaf.call(waiter.message));
            let _ = waiter.start.send(start);
        }
    }

    /// Spares later calls the lock, unless each has to be judged.
    pub(super) fn widen(&self, state: &State<L>) {
        if let Phase::Open(_) = state.phase
            && !state.session.is_lost()
        {
            self.open.store(state.generation, Ordering::Release);
        }
    }

    /// No call goes to the leaf any more; later ones wait.
    pub(super) fn shut(&self) {
        self.open.store(0, Ordering::Release);
        let mut state = self.lock();
        if let Phase::Open(_) = state.phase {
            state.phase = Phase::Starting;
        }
    }

    /// No leaf comes any more: who waits fails, and so does every later call.
    pub(super) fn close(&self, error: &Error) {
        self.open.store(0, Ordering::Release);
        let mut state = self.lock();
        state.phase = Phase::Closed(error.clone());
        state.wake_listeners();
        drop(state);
        self.fail_waiting(error);
    }

    /// Who waits fails with `error`, unsent.
    pub(super) fn fail_waiting(&self, error: &Error) {
        let waiting = {
            let mut state = self.lock();
            std::mem::take(&mut state.waiting)
        };
        for waiter in waiting {
            let _ = waiter.start.send(Err(error.clone().unsent()));
        }
    }

    /// Sets the status, unless the final one was reached.
    pub(super) fn tell(&self, status: Status) {
        self.status.send_if_modified(|now| {
            let may = !now.is_final();
            if may {
                *now = status;
            }
            may
        });
    }

    /// Whoever waits [until](Self::until) something is so looks again.
    pub(super) fn changed(&self) {
        self.news.send_replace(());
    }

    pub(super) async fn until<T>(&self, mut look: impl FnMut(&mut State<L>) -> Option<T>) -> T {
        let mut news = self.news.subscribe();
        loop {
            if let Some(found) = look(&mut self.lock()) {
                return found;
            }
            // The sender lives as long as `self`.
            let _ = news.changed().await;
        }
    }

    pub(super) fn give(&self, order: Order) {
        let mut state = self.lock();
        if state.order < order {
            state.order = order;
            drop(state);
            self.changed();
        }
    }
}

impl<L: Leaf> State<L> {
    pub(super) fn await_news(&mut self, cx: &Context<'_>) {
        if !self.listeners.iter().any(|listener| listener.will_wake(cx.waker())) {
            self.listeners.push(cx.waker().clone());
        }
    }

    pub(super) fn wake_listeners(&mut self) {
        self.listeners.drain(..).for_each(Waker::wake);
    }

    /// A caller found the leaf of this generation broken.
    pub(super) fn report(&mut self, generation: u64, error: Error) {
        if generation == self.generation && self.broken.is_none() {
            self.broken = Some(error);
        }
    }

    /// To the leaf that is open, or to the queue.
    pub(super) fn admit(&mut self, message: JsonRpcMessage) -> Admission<L> {
        match &self.phase {
            Phase::Open(leaf) => match self.session.admit(&message) {
                Ok(()) => Admission::Open(leaf.clone(), self.generation, message),
                Err(error) => Admission::Refused(error),
            },
            Phase::Closed(error) => Admission::Refused(error.clone().unsent()),
            Phase::Starting => self.wait(message),
        }
    }

    fn wait(&mut self, message: JsonRpcMessage) -> Admission<L> {
        self.waiting.retain(|waiter| !waiter.start.is_closed());
        let bytes = self.waiting.iter().map(|waiter| waiter.message.bytes().len()).sum::<usize>();
        if self.waiting.len() >= self.max_waiting || bytes > WAITING_BYTES {
            self.stats.refused += 1;
            return Admission::Refused(Error::busy("too many calls wait for the server to start").unsent());
        }
        let (start, started) = oneshot::channel();
        self.waiting.push_back(Waiter { message, start });
        Admission::Wait(started)
    }

    fn next_waiter(&mut self) -> Option<Waiter<L>> {
        loop {
            let waiter = self.waiting.pop_front()?;
            if !waiter.start.is_closed() {
                return Some(waiter);
            }
        }
    }
}
