//! What all requests share: the stacks, the sessions, the bounds.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http::Extensions;
use tokio::time::Instant;

use super::budget::Budget;
use super::calls::Calls;
use super::fallback::Fallback;
use super::inbox::Inbox;
use super::live::{self, Live};
use super::stack::Maker;
use super::turns::Turns;
use crate::clock::Clock;
use crate::error::Error;
use crate::message::{OnRefused, ScanOptions};
use crate::session::{KeyMap, Principal, Session, SessionKey, SessionStore};
use crate::wire::http::{Endpoint, Relocation};

/// Between two looks for sessions that are over.
const SWEEP: Duration = Duration::from_secs(1);
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) struct Options {
    pub(super) scan: ScanOptions,
    pub(super) max_in_flight: usize,
    pub(super) max_stateless: usize,
    pub(super) max_streams: usize,
    /// Messages of one batch; 0 refuses them all.
    pub(super) max_batch: usize,
    pub(super) idle: Duration,
    pub(super) age: Duration,
    pub(super) patience: Duration,
    pub(super) keep_alive: Duration,
    pub(super) prime_after: Duration,
    pub(super) replay_events: usize,
    pub(super) replay_bytes: usize,
    /// For what is kept and read in all.
    pub(super) budget: Arc<Budget>,
    /// For the limits of all requests.
    pub(super) clock: Arc<Clock>,
    /// Clients' credentials ride along.
    pub(super) transparent: bool,
    /// Who is told of what is refused.
    pub(super) on_refused: OnRefused,
}

pub(super) struct Front {
    pub(super) endpoint: Endpoint,
    /// Of HTTP+SSE.
    pub(super) sse: Option<Endpoint>,
    pub(super) options: Options,
    pub(super) maker: Option<Maker>,
    pub(super) stateless: Option<Arc<Turns>>,
    /// Whom other requests go to.
    pub(super) fallback: Option<Fallback>,
    /// What a challenge of the upstream is to say instead.
    pub(super) relocation: Option<Relocation>,
    pub(super) stateless_calls: Arc<Calls>,
    pub(super) store: Arc<dyn SessionStore>,
    open: Mutex<KeyMap<Open>>,
    is_swept: AtomicBool,
    /// No session is opened any more.
    is_closing: AtomicBool,
    /// Nor any that was being opened.
    is_closed: AtomicBool,
}

/// What runs a session.
#[derive(Clone)]
pub(super) enum Open {
    Streamable(Arc<Live>),
    /// HTTP+SSE, of 2024-11-05.
    TwoEndpoints(Arc<Inbox>),
}

impl Front {
    pub(super) fn new(endpoint: Endpoint, options: Options, store: Arc<dyn SessionStore>) -> Self {
        Self {
            endpoint,
            sse: None,
            stateless_calls: Calls::new(options.max_stateless),
            options,
            maker: None,
            stateless: None,
            fallback: None,
            relocation: None,
            store,
            open: Mutex::default(),
            is_swept: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        }
    }

    /// A session of this principal that is not over.
    pub(super) fn find(&self, id: &str, extensions: &Extensions) -> Option<Open> {
        let key = SessionKey::of(id);
        let session = self.store.find(&key)?;
        if !session.is_of(extensions.get::<Principal>()) {
            tracing::warn!(%key, "a session was asked for by another principal");
            return None;
        }
        if self.expiry(&session).is_some_and(|at| at <= Instant::now()) {
            self.expire(&key);
            return None;
        }
        self.lock().get(&key).cloned()
    }

    /// Lets requests find the session, unless it has ended while its stack was made.
    pub(super) fn add(self: &Arc<Self>, key: SessionKey, session: Open) -> Result<(), Error> {
        let mut open = self.lock();
        // Under the lock: whoever ends all sessions finds this one, or it finds them ended.
        if self.is_closed.load(Ordering::Acquire) {
            return Err(shutting_down());
        }
        let is_over = |session: &Session| self.expiry(session).is_some_and(|at| at <= Instant::now());
        if self.store.find(&key).is_none_or(|session| is_over(&session)) {
            return Err(Error::closed("the session was over before it was open"));
        }
        open.insert(key, session);
        drop(open);
        self.sweep();
        Ok(())
    }

    /// No request finds the session any more.
    pub(super) fn forget(&self, key: &SessionKey) -> Option<Open> {
        self.store.remove(key);
        self.lock().remove(key)
    }

    pub(super) fn end(&self, key: &SessionKey, why: &Error) {
        if let Some(open) = self.forget(key) {
            open.end(why);
        }
    }

    fn expire(&self, key: &SessionKey) {
        tracing::debug!(%key, "a session expired");
        self.end(key, &Error::closed("the session expired"));
    }

    /// When the session will be over; `None` while it is in use and has no end in sight.
    fn expiry(&self, session: &Session) -> Option<Instant> {
        let idle = session.idle_since().and_then(|since| since.checked_add(self.options.idle));
        let age = session.opened().checked_add(self.options.age);
        [idle, age].into_iter().flatten().min()
    }

    /// Looks for expired sessions from time to time, as long as there are sessions.
    fn sweep(self: &Arc<Self>) {
        if self.is_swept.swap(true, Ordering::AcqRel) {
            return;
        }
        let sweeper = Sweeper(Arc::downgrade(self));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(sweeper.sweep());
        }
    }

    /// Ends what is over. Returns when the next session may be; `None` if there is none left.
    fn sweep_once(&self) -> Option<Instant> {
        let now = Instant::now();
        // No session that is in use now, or begins later, is over sooner than that.
        let soonest = self.options.idle.min(self.options.age).min(DAY);
        let (mut over, mut next) = (Vec::new(), now + soonest);
        self.store.for_each(&mut |session| match self.expiry(session) {
            Some(at) if at <= now => over.push(*session.key()),
            Some(at) => next = next.min(at),
            None => {}
        });
        over.iter().for_each(|key| self.expire(key));
        let open = self.lock();
        if open.is_empty() {
            // Under the lock, so that a session that is added now finds that it must start anew.
            self.is_swept.store(false, Ordering::Release);
            return None;
        }
        Some(next)
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }

    /// Ends what would never end by itself, and opens no session any more.
    pub(super) fn drain(&self) {
        self.is_closing.store(true, Ordering::Release);
        live::end_listens(&self.stateless_calls);
        let open: Vec<_> = self.lock().values().cloned().collect();
        open.iter().for_each(Open::end_listens);
    }

    /// Ends everything.
    pub(super) fn close(&self) {
        self.drain();
        self.is_closed.store(true, Ordering::Release);
        let gone = Error::closed("the server is shutting down");
        self.stateless_calls.all().iter().for_each(|call| call.fail(&gone));
        let open: Vec<_> = self.lock().keys().copied().collect();
        open.iter().for_each(|key| self.end(key, &gone));
    }

    pub(super) fn is_idle(&self) -> bool {
        let busy = |open: &Open| match open {
            Open::Streamable(live) => !live.is_idle(),
            Open::TwoEndpoints(inbox) => !inbox.is_closed(),
        };
        self.stateless_calls.is_empty() && !self.lock().values().any(busy)
    }

    fn lock(&self) -> MutexGuard<'_, KeyMap<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is being read goes on. What nobody reads would keep its session for ever.
impl Drop for Front {
    fn drop(&mut self) {
        live::end_left(&self.stateless_calls);
        let open = mem::take(&mut *self.lock());
        for open in open.into_values() {
            if let Open::Streamable(live) = open {
                live.end_left();
            }
        }
    }
}

/// Ends sessions that expire, as long as there are any.
struct Sweeper(Weak<Front>);

impl Sweeper {
    async fn sweep(mut self) {
        let mut next = Instant::now();
        loop {
            tokio::time::sleep_until(next.max(Instant::now() + SWEEP)).await;
            let Some(front) = self.0.upgrade() else { return };
            match front.sweep_once() {
                Some(at) => next = at,
                None => return self.0 = Weak::new(), // it said so itself
            }
        }
    }
}

/// Its runtime is gone: the next session that is opened has another.
impl Drop for Sweeper {
    fn drop(&mut self) {
        if let Some(front) = self.0.upgrade() {
            front.is_swept.store(false, Ordering::Release);
        }
    }
}

/// A request that comes too late.
pub(super) fn shutting_down() -> Error {
    Error::busy("the server is shutting down")
}

impl Open {
    fn end(&self, why: &Error) {
        match self {
            Self::Streamable(live) => live.tear_down(why),
            Self::TwoEndpoints(inbox) => inbox.close(why),
        }
    }

    fn end_listens(&self) {
        match self {
            Self::Streamable(live) => live.end_listens(),
            Self::TwoEndpoints(inbox) => inbox.drain(),
        }
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front")
            .field("endpoint", &self.endpoint)
            .field("sessions", &self.maker.is_some())
            .field("stateless", &self.stateless.is_some())
            .field("open", &self.lock().len())
            .finish_non_exhaustive()
    }
}
