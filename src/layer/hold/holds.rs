//! The handle from which is decided.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

use super::held::{Entry, Status};
use super::{Breakpoint, Digest, Held, NotDecided, Options};
use crate::error::BoxError;
use crate::layer::intercept::{Action, Block, Chain, Interception, Interceptor, Interest, Link, NameTaken};
use crate::message::JsonRpcMessage;
use crate::protocol::method;

/// What is held, and the breakpoints that hold it; cheap to clone, all clones are one. See the [module](super).
#[derive(Clone)]
pub struct Holds {
    state: Arc<State>,
    chain: Chain,
}

struct State {
    options: Options,
    table: Mutex<Table>,
    /// How often the table changed.
    version: watch::Sender<u64>,
    offer: Notify,
}

#[derive(Default)]
struct Table {
    next: u64,
    held: BTreeMap<u64, Arc<Entry>>,
    bytes: usize,
    /// Not yet given out by `next`.
    unseen: VecDeque<u64>,
}

impl Holds {
    /// Nothing is held before a breakpoint is set.
    pub fn new(options: Options) -> Self {
        let (version, _) = watch::channel(0);
        let table = Mutex::default();
        let state = Arc::new(State { options, table, version, offer: Notify::new() });
        Self { state, chain: Chain::new() }
    }

    /// Sets a breakpoint. It holds from now on.
    ///
    /// # Errors
    ///
    /// Another has its name.
    pub fn set(&self, breakpoint: Breakpoint) -> Result<(), NameTaken> {
        let name = breakpoint.name.clone();
        let holder = Holder { breakpoint, state: self.state.clone() };
        let link = Link::new(&name, holder);
        // A condition that panics says nothing about the message.
        self.chain.add_link(if self.state.options.opens() { link.fail_open() } else { link })
    }

    /// Removes a breakpoint; whether there was one. What it holds is held still.
    pub fn clear(&self, name: &str) -> bool {
        self.chain.remove(name)
    }

    /// The names of the breakpoints.
    pub fn breakpoints(&self) -> Vec<String> {
        self.chain.names()
    }

    /// Everything that waits for a decision, oldest first.
    pub fn held(&self) -> Vec<Held> {
        let held: Vec<_> = self.state.lock().held.values().cloned().map(Held).collect();
        held.into_iter().filter(Held::is_waiting).collect()
    }

    /// The held message of this number; nothing once it is over.
    pub fn get(&self, number: u64) -> Option<Held> {
        self.state.lock().held.get(&number).cloned().map(Held)
    }

    /// Waits for a message that was not given out here before. Dropped while it waits, it loses none.
    pub async fn next(&self) -> Held {
        loop {
            let offered = self.state.offer.notified();
            if let Some(held) = self.state.lock().unseen() {
                return held;
            }
            offered.await;
        }
    }

    /// Tells whenever something is held or no longer is: a number that grows.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.state.version.subscribe()
    }

    /// Lets everything go on. How many messages did.
    pub fn resume_all(&self) -> usize {
        self.held().iter().filter(|held| held.resume().is_ok()).count()
    }

    /// Blocks everything. How many messages were.
    pub fn reject_all(&self, block: &Block) -> usize {
        self.held().iter().filter(|held| held.reject(block.clone()).is_ok()).count()
    }

    /// Holds a message as the breakpoint of a name does.
    pub(crate) fn hold(&self, breakpoint: &str, seen: &mut Interception) -> Action {
        self.state.clone().hold(&breakpoint.into(), seen)
    }

    pub(super) fn chain(&self) -> &Chain {
        &self.chain
    }
}

impl Table {
    fn unseen(&mut self) -> Option<Held> {
        while let Some(number) = self.unseen.pop_front() {
            if let Some(held) = self.held.get(&number).cloned().map(Held).filter(Held::is_waiting) {
                return Some(held);
            }
        }
        None
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    /// Holds the message, where there is room.
    fn hold(self: Arc<Self>, breakpoint: &Arc<str>, seen: &mut Interception) -> Action {
        let principal = seen.principal().cloned();
        let digest = Digest::of(seen, principal.as_ref());
        let decided = seen.metadata().get::<Decided>().cloned().unwrap_or_default();
        if decided.is(seen.message()) {
            return Action::Continue;
        }
        seen.metadata_mut().insert(decided.clone());
        let (sender, receiver) = oneshot::channel();
        let now = Instant::now();
        let mut table = self.lock();
        let bytes = seen.message().bytes().len();
        if table.held.len() >= self.options.max_held
            || table.bytes.saturating_add(bytes) > self.options.max_bytes
        {
            drop(table);
            tracing::warn!(%breakpoint, "no room to hold a message");
            return self.options.otherwise("Too many messages wait for a decision; try again later");
        }
        let entry = Arc::new(Entry {
            number: table.next,
            breakpoint: breakpoint.clone(),
            message: seen.message().clone(),
            direction: seen.direction(),
            request: seen.request().cloned(),
            session: seen.session_id().map(str::to_owned),
            principal,
            digest,
            since: now,
            expires: self.options.expiry(now),
            status: Mutex::new(Status::Waiting(sender)),
        });
        table.add(entry.clone());
        drop(table);
        self.changed();
        self.offer.notify_one();
        let place = Place { state: self, entry };
        Action::hold(async move { place.decision(receiver, &decided).await })
    }
}

impl Table {
    fn add(&mut self, entry: Arc<Entry>) {
        self.next += 1;
        self.bytes += entry.message.bytes().len();
        self.unseen.push_back(entry.number);
        self.held.insert(entry.number, entry);
    }

    fn take(&mut self, entry: &Entry) {
        if self.held.remove(&entry.number).is_some() {
            self.bytes -= entry.message.bytes().len();
            self.unseen.retain(|number| *number != entry.number);
        }
    }
}

/// The bytes that were decided about last in an exchange, so that a second breakpoint does not hold them once more.
#[derive(Clone, Default)]
struct Decided(Arc<Mutex<Option<Bytes>>>);

impl Decided {
    /// Whether it is this very message: as long as its bytes are kept, no other stands there.
    fn is(&self, message: &JsonRpcMessage) -> bool {
        let decided = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        decided.as_ref().is_some_and(|bytes| bytes.as_ptr() == message.bytes().as_ptr())
    }

    fn set(&self, message: &JsonRpcMessage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(message.bytes().clone());
    }
}

/// A place in the table; given up when it is dropped.
struct Place {
    state: Arc<State>,
    entry: Arc<Entry>,
}

impl Place {
    async fn decision(self, mut receiver: oneshot::Receiver<Action>, decided: &Decided) -> Action {
        let in_time = tokio::time::timeout_at(self.entry.expires, &mut receiver).await;
        self.entry.end(NotDecided::Expired);
        // One that was made in the very last moment counts.
        let action = in_time.ok().and_then(Result::ok).or_else(|| receiver.try_recv().ok());
        match action {
            Some(action) => {
                decided.set(match &action {
                    Action::Modify(message) => message,
                    _ => &self.entry.message,
                });
                action
            }
            None => self.state.options.otherwise("Nobody decided about the message in time"),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.entry.end(NotDecided::Gone);
        self.state.lock().take(&self.entry);
        self.state.changed();
    }
}

/// One breakpoint in the chain.
struct Holder {
    breakpoint: Breakpoint,
    state: Arc<State>,
}

impl Interceptor for Holder {
    fn interest(&self) -> Interest {
        self.breakpoint.interest.clone()
    }

    async fn intercept(&self, seen: &mut Interception) -> Result<Action, BoxError> {
        // A listen that waits tells its client nothing: it is held only where it is meant.
        let is_meant = !seen.message().is_listen() || self.breakpoint.interest.names(method::LISTEN);
        let is_met = || self.breakpoint.condition.as_ref().is_none_or(|condition| condition(seen));
        Ok(match is_meant && is_met() {
            // What a person reads in it, and what its reader does, may be two things.
            true if !seen.message().is_strict() => Action::Block(Block::ambiguous()),
            true => self.state.clone().hold(&self.breakpoint.name, seen),
            false => Action::Continue,
        })
    }
}

impl fmt::Debug for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holds")
            .field("breakpoints", &self.chain.names())
            .field("held", &self.state.lock().held.len())
            .finish_non_exhaustive()
    }
}
