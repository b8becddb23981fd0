//! What the callers and the supervisor share.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use tokio::sync::watch;

use super::session::Session;
use super::status::{Stats, Status};
use super::waiting::Waiter;
use crate::connect::leaf::{Exit, Leaf};
use crate::error::Error;
use crate::message::JsonRpcMessage;

pub(super) struct Shared<L: Leaf> {
    state: Mutex<State<L>>,
    /// The leaf that calls may go to without the lock; zero while they may go to none. Written with the lock held.
    open: AtomicU64,
    pub(super) status: watch::Sender<Status>,
    /// The supervisor looks at the state anew.
    news: watch::Sender<()>,
}

pub(super) struct State<L: Leaf> {
    pub(super) phase: Phase<L>,
    /// Of the leaf that is open or was last; the first has 1.
    pub(super) generation: u64,
    /// The leaf of this generation gets the calls that waited; none goes straight to it yet.
    flushing: bool,
    pub(super) session: Session,
    pub(super) waiting: VecDeque<Waiter<L>>,
    pub(super) max_waiting: usize,
    /// What the client is to be told unasked.
    pub(super) news: VecDeque<JsonRpcMessage>,
    /// Whoever reads a listen, by the listen's number.
    listeners: BTreeMap<u64, Waker>,
    listens: u64,
    pub(super) stats: Stats,
    pub(super) order: Order,
    /// Why it is to stop, where a reason was given.
    pub(super) reason: Option<Error>,
    /// How the last leaf ended.
    pub(super) exit: Option<Exit>,
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

impl<L: Leaf> Shared<L> {
    pub(super) fn new(max_waiting: usize, keep_session: bool) -> Arc<Self> {
        let state = State {
            phase: Phase::Starting,
            generation: 0,
            flushing: false,
            session: Session::new(keep_session),
            waiting: VecDeque::new(),
            max_waiting,
            news: VecDeque::new(),
            listeners: BTreeMap::new(),
            listens: 0,
            stats: Stats::default(),
            order: Order::Watch,
            reason: None,
            exit: None,
            broken: None,
        };
        let (status, _) = watch::channel(Status::Starting { after: None });
        let (news, _) = watch::channel(());
        Arc::new(Self { state: Mutex::new(state), open: AtomicU64::new(0), status, news })
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
        let generation = {
            let mut state = self.lock();
            (state.generation, state.flushing) = (state.generation + 1, true);
            state.generation
        };
        loop {
            std::future::poll_fn(|cx| leaf.poll_ready(cx)).await?;
            let mut state = self.lock();
            let Some(waiter) = state.next_waiter() else {
                (state.flushing, state.broken) = (false, None);
                state.phase = Phase::Open(leaf);
                self.widen(&state);
                let listeners = state.take_listeners();
                drop(state);
                listeners.into_values().for_each(Waker::wake);
                return Ok(());
            };
            // In the lock, so that no later call comes before it.
            let admitted = state.session.admit(&waiter.message, generation);
            let started = admitted.map(|()| (leaf.call(waiter.message), generation));
            drop(state);
            let _ = waiter.start.send(started);
        }
    }

    /// Spares later calls the lock, unless each has to be judged. For whoever holds the lock.
    pub(super) fn widen(&self, state: &State<L>) {
        if let Phase::Open(_) = state.phase
            && !state.session.is_lost()
        {
            self.open.store(state.generation, Ordering::Release);
        }
    }

    /// No call goes to the leaf of this generation any more; later ones wait.
    pub(super) fn shut(&self, generation: u64) {
        let mut state = self.lock();
        if state.generation != generation {
            return;
        }
        self.open.store(0, Ordering::Release);
        state.flushing = false;
        let shut = match state.phase {
            Phase::Open(_) => Some(std::mem::replace(&mut state.phase, Phase::Starting)),
            Phase::Starting | Phase::Closed(_) => None,
        };
        drop(state);
        drop(shut);
    }

    /// A caller found the leaf of this generation broken.
    pub(super) fn report(&self, generation: u64, error: Error) {
        let mut state = self.lock();
        if state.open_generation() == Some(generation) {
            state.broken.get_or_insert(error);
            drop(state);
            self.shut(generation);
            self.changed();
        }
    }

    /// No leaf comes any more: who waits fails, and so does every later call.
    pub(super) fn close(&self, error: &Error) {
        let mut state = self.lock();
        self.open.store(0, Ordering::Release);
        let before = std::mem::replace(&mut state.phase, Phase::Closed(error.clone()));
        let listeners = state.take_listeners();
        drop(state);
        drop(before);
        listeners.into_values().for_each(Waker::wake);
        self.fail_waiting(error);
    }

    /// Who waits fails with `error`, unsent.
    pub(super) fn fail_waiting(&self, error: &Error) {
        let waiting = std::mem::take(&mut self.lock().waiting);
        for waiter in waiting {
            let _ = waiter.start.send(Err(error.clone().unsent()));
        }
    }

    /// The session is gone with its leaf, in so many words.
    pub(super) fn lose_session(&self) {
        let mut state = self.lock();
        state.session.lose();
        self.lost(state);
    }

    /// The answer to a request that concerns the session.
    pub(super) fn hear(&self, request: &JsonRpcMessage, answer: &JsonRpcMessage) {
        let mut state = self.lock();
        let was_lost = state.session.is_lost();
        let current = state.open_generation().or_else(|| state.flushing.then_some(state.generation));
        state.session.hear(request, answer, current);
        if state.session.is_lost() && !was_lost {
            self.lost(state);
        } else {
            self.widen(&state);
        }
    }

    fn lost(&self, mut state: MutexGuard<'_, State<L>>) {
        self.open.store(0, Ordering::Release);
        state.stats.lost_sessions += 1;
        let listeners = state.take_listeners();
        drop(state);
        tracing::warn!("the client's session is lost with its leaf");
        listeners.into_values().for_each(Waker::wake);
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

    pub(super) fn give(&self, order: Order, reason: Option<Error>) {
        let mut state = self.lock();
        if state.order < order {
            (state.order, state.reason) = (order, reason);
            drop(state);
            self.changed();
        }
    }
}

impl<L: Leaf> State<L> {
    /// A listen's number.
    pub(super) fn new_listen(&mut self) -> u64 {
        self.listens += 1;
        self.listens
    }

    pub(super) fn await_news(&mut self, listen: u64, cx: &Context<'_>) {
        self.listeners.insert(listen, cx.waker().clone());
    }

    pub(super) fn forget_listen(&mut self, listen: u64) -> Option<Waker> {
        self.listeners.remove(&listen)
    }

    /// To be woken without the lock.
    pub(super) fn take_listeners(&mut self) -> BTreeMap<u64, Waker> {
        std::mem::take(&mut self.listeners)
    }

    /// The generation of the leaf that calls go to.
    pub(super) fn open_generation(&self) -> Option<u64> {
        matches!(self.phase, Phase::Open(_)).then_some(self.generation)
    }
}
