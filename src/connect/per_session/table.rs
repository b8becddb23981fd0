//! The sessions.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::clock::{self, Clock};
use super::session::Session;
use super::start;
use crate::connect::leaf::MakeLeaf;
use crate::error::Error;
use crate::message::JsonRpcMessage;

pub(super) struct Shared<M: MakeLeaf> {
    table: Mutex<Table<M>>,
    pub(super) make: tokio::sync::Mutex<M>,
    pub(super) clock: Clock,
}

pub(super) struct Table<M: MakeLeaf> {
    sessions: HashMap<Arc<str>, Place<M>>,
    /// Names of lost sessions, the oldest first; some may have been ended.
    lost: VecDeque<Arc<str>>,
    alive: usize,
    pub(super) max_sessions: usize,
    pub(super) spawn_timeout: Duration,
    /// The clock's task runs.
    pub(super) ticking: bool,
    timed_out: u64,
    refused: u64,
}

enum Place<M: MakeLeaf> {
    Alive(Arc<Session<M::Leaf>>),
    Lost(Error),
}

/// A [`PerSession`](super::PerSession) in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Sessions with a leaf, or with one that is being made.
    pub sessions: usize,
    /// Sessions that lost their leaf and were not ended. No more are remembered than there may be sessions.
    pub lost: usize,
    /// Sessions that were idle for too long, so far.
    pub timed_out: u64,
    /// Messages refused because there were too many sessions.
    pub refused: u64,
}

impl<M: MakeLeaf> Shared<M> {
    pub(super) fn new(make: M) -> Self {
        let table = Table {
            sessions: HashMap::new(),
            lost: VecDeque::new(),
            alive: 0,
            max_sessions: 10_000,
            spawn_timeout: Duration::from_secs(30),
            ticking: false,
            timed_out: 0,
            refused: 0,
        };
        Self { table: Mutex::new(table), make: tokio::sync::Mutex::new(make), clock: Clock::default() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Table<M>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session that the message belongs to; it may begin with it.
    pub(super) fn session_of(
        self: &Arc<Self>,
        message: &JsonRpcMessage,
    ) -> Result<Arc<Session<M::Leaf>>, Error> {
        let name = message.context().and_then(|context| context.session_id());
        let Some(name) = name else {
            return Err(Error::invalid("a message without a session has no server to go to"));
        };
        let table = self.lock();
        match table.sessions.get(name) {
            Some(Place::Alive(session)) => Ok(session.clone()),
            Some(Place::Lost(why)) => Err(why.clone()),
            None => self.begin(table, name),
        }
    }

    fn begin(
        self: &Arc<Self>,
        mut table: MutexGuard<'_, Table<M>>,
        name: &str,
    ) -> Result<Arc<Session<M::Leaf>>, Error> {
        if table.alive >= table.max_sessions {
            table.refused += 1;
            return Err(Error::busy(format_args!("there are {} sessions already", table.max_sessions)));
        }
        let name: Arc<str> = name.into();
        let session = Session::new(self.clock.ticks());
        table.sessions.insert(name.clone(), Place::Alive(session.clone()));
        table.alive += 1;
        let ticking = std::mem::replace(&mut table.ticking, true);
        // A runtime that is going down drops the task at once, and that takes the lock.
        drop(table);
        start::begin(self, &name, &session);
        if !ticking {
            clock::start(self);
        }
        Ok(session)
    }

    /// Stops what was idle for too long, and notes whose leaf has ended. Tells whether a session is left.
    pub(super) fn sweep(&self) -> bool {
        let mut table = self.lock();
        let sessions: Vec<_> = table.alive().map(|(name, session)| (name.clone(), session.clone())).collect();
        drop(table);
        for (name, session) in sessions {
            if let Some(error) = session.end_of_leaf() {
                self.lose(&name, &session, &error.within("the session is lost"));
            } else if let Some(why) = session.stop_idle(clock::PARTS) {
                self.lock().timed_out += 1;
                self.lose(&name, &session, &why);
            }
        }
        table = self.lock();
        table.ticking = table.alive > 0;
        table.ticking
    }

    fn lose(&self, name: &Arc<str>, session: &Session<M::Leaf>, why: &Error) {
        tracing::debug!(session = %name, %why, "a session was lost");
        self.lock().lose(name, session, why);
        session.stop(why);
    }
}

impl<M: MakeLeaf> Table<M> {
    fn alive(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<Session<M::Leaf>>)> {
        self.sessions.iter().filter_map(|(name, place)| match place {
            Place::Alive(session) => Some((name, session)),
            Place::Lost(_) => None,
        })
    }

    /// Takes a session out; lost ones have nothing left to stop.
    pub(super) fn remove(&mut self, name: &str) -> Option<Arc<Session<M::Leaf>>> {
        match self.sessions.remove(name)? {
            Place::Alive(session) => {
                self.alive -= 1;
                Some(session)
            }
            Place::Lost(_) => {
                self.lost.retain(|lost| **lost != *name);
                None
            }
        }
    }

    pub(super) fn remove_all(&mut self) -> Vec<Arc<Session<M::Leaf>>> {
        self.alive = 0;
        self.lost.clear();
        let places = std::mem::take(&mut self.sessions).into_values();
        let alive = |place| match place {
            Place::Alive(session) => Some(session),
            Place::Lost(_) => None,
        };
        places.filter_map(alive).collect()
    }

    /// The session has not begun; another of its name is left alone.
    pub(super) fn forget(&mut self, name: &str, session: &Session<M::Leaf>) -> bool {
        let own = self.sessions.get(name);
        let is_it = matches!(own, Some(Place::Alive(own)) if std::ptr::eq(&**own, session));
        if is_it {
            self.remove(name);
        }
        is_it
    }

    fn lose(&mut self, name: &Arc<str>, session: &Session<M::Leaf>, why: &Error) {
        if !self.forget(name, session) {
            return;
        }
        self.sessions.insert(name.clone(), Place::Lost(why.clone()));
        self.lost.push_back(name.clone());
        if self.lost.len() > self.max_sessions
            && let Some(oldest) = self.lost.pop_front()
        {
            self.sessions.remove(&oldest);
        }
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            sessions: self.alive,
            lost: self.lost.len(),
            timed_out: self.timed_out,
            refused: self.refused,
        }
    }
}
