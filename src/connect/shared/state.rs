//! What the clients of one leaf and its router share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};

use super::attribution::Running;
use super::initialize::Init;
use super::outbox::Outbox;
use super::questions::Questions;
use super::subscribe::Subscription;
use crate::connect::leaf::Leaf;
use crate::error::Error;
use crate::message::{JsonRpcMessage, OwnedId};

/// Names a client; never used again.
pub(super) type ClientId = u64;

pub(super) struct Core<L: Leaf> {
    state: Mutex<State<L>>,
    /// The outcome of an `initialize` is there.
    pub(super) initialized: Notify,
    /// Nobody is left.
    pub(super) closed: watch::Sender<bool>,
}

pub(super) struct State<L: Leaf> {
    /// For what we say ourselves.
    pub(super) leaf: L,
    own: mpsc::Sender<L::Future>,
    pub(super) clients: HashMap<ClientId, Client>,
    next_client: ClientId,
    next_id: i64,
    pub(super) running: Running,
    pub(super) questions: Questions,
    pub(super) subscriptions: HashMap<Arc<str>, Subscription>,
    pub(super) init: Init,
    /// The server was told that the session is open.
    pub(super) told_initialized: bool,
    /// The level that the server was told last.
    pub(super) level: Option<u8>,
    /// Why the server says no more.
    pub(super) ended: Option<Error>,
    pub(super) max_clients: usize,
    pub(super) queue: (usize, usize),
    pub(super) after_cancel: Duration,
    pub(super) counts: Stats,
}

#[derive(Default)]
pub(super) struct Client {
    pub(super) outbox: Outbox,
    /// The level that it asked for.
    pub(super) level: Option<u8>,
    pub(super) subscriptions: usize,
}

/// A [`Shared`](super::Shared) in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Clients now.
    pub clients: usize,
    /// Clients with a call that runs now.
    pub running_clients: usize,
    /// Resources that somebody has subscribed to now.
    pub subscriptions: usize,
    /// Questions of the server that were refused because nothing told whom it asked, or nobody was there.
    pub refused_questions: u64,
    /// Log lines and progress that could not be told whose they were.
    pub dropped_notifications: u64,
    /// Answers of a client to a question that it was not asked.
    pub unmatched_answers: u64,
    /// Listens that ended because their client was too slow.
    pub overflows: u64,
}

impl<L: Leaf> Core<L> {
    pub(super) fn new(leaf: L, own: mpsc::Sender<L::Future>, closed: watch::Sender<bool>) -> Self {
        let state = State {
            leaf,
            own,
            clients: HashMap::new(),
            next_client: 0,
            next_id: 0,
            running: Running::default(),
            questions: Questions::default(),
            subscriptions: HashMap::new(),
            init: Init::New,
            told_initialized: false,
            level: None,
            ended: None,
            max_clients: 10_000,
            queue: (1024, 8 << 20),
            after_cancel: Duration::from_secs(30),
            counts: Stats::default(),
        };
        Self { state: Mutex::new(state), initialized: Notify::new(), closed }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<L>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: Leaf> State<L> {
    pub(super) fn add_client(&mut self) -> ClientId {
        self.next_client += 1;
        self.clients.insert(self.next_client, Client::default());
        self.next_client
    }

    /// The client is gone: what it asked to hear is withdrawn, and what it was asked refused.
    pub(super) fn remove_client(&mut self, id: ClientId, why: &Error) {
        let Some(client) = self.clients.remove(&id) else { return };
        client.outbox.fail(why);
        self.refuse_all_of(id);
        if client.subscriptions > 0 {
            self.unsubscribe_all_of(id);
        }
        if client.level.is_some() {
            self.settle_level();
        }
    }

    /// A small integer that no request of late had (2025-11-25 basic: requests).
    pub(super) fn fresh_id(&mut self) -> OwnedId {
        self.next_id = self.next_id % i64::from(i32::MAX) + 1;
        OwnedId::from(self.next_id)
    }

    /// Says something of our own. Tells whether the leaf took it; a leaf that is not ready takes nothing.
    pub(super) fn say(&mut self, message: JsonRpcMessage) -> bool {
        let ready = self.leaf.poll_ready(&mut Context::from_waker(Waker::noop()));
        if !matches!(ready, Poll::Ready(Ok(()))) {
            return false;
        }
        let said = self.leaf.call(message);
        // Without room its answer is not awaited: what was said was said.
        let _ = self.own.try_send(said);
        true
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            clients: self.clients.len(),
            running_clients: self.running.clients(),
            subscriptions: self.subscriptions.len(),
            ..self.counts
        }
    }
}
