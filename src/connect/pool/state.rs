//! What the callers and the keeper of a pool share.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::lease::Lease;
use super::settings::{Settings, Stats};
use crate::connect::leaf::{Exit, Leaf, end_of};
use crate::error::Error;

/// How long after a spare was taken another is made: to start a process takes milliseconds of the thread that
/// does it, and on a runtime of one thread the first call would wait behind that.
const AFTER: Duration = Duration::from_millis(20);

pub(super) struct Shared<L: Leaf> {
    state: Mutex<State<L>>,
    /// The keeper has something to do.
    pub(super) work: Notify,
    /// A spare came, one could not be made, or a leaf ended.
    pub(super) progress: Notify,
}

pub(super) struct State<L: Leaf> {
    pub(super) settings: Settings<L>,
    /// The oldest first.
    pub(super) idle: VecDeque<Made<L>>,
    /// When a spare was taken that is not replaced yet.
    taken: Option<Instant>,
    /// The oldest first. Each has a leaf that is being made, or room for one.
    waiters: VecDeque<oneshot::Sender<Result<Made<L>, Error>>>,
    leases: HashMap<u64, Weak<Lease<L>>>,
    pub(super) making: usize,
    pub(super) checking: usize,
    /// Made and not yet ended.
    pub(super) alive: usize,
    pub(super) closed: Option<Error>,
    /// No handle is left, so that nobody waits for the end.
    pub(super) orphaned: bool,
    made: u64,
    failed: u64,
    thrown_away: u64,
    /// Counts what became the last error.
    pub(super) troubles: u64,
    pub(super) last_error: Option<Error>,
}

/// A leaf that has served nobody.
pub(super) struct Made<L> {
    pub(super) number: u64,
    pub(super) leaf: L,
}

/// The spare that a caller gets, or the promise of one within a time.
pub(super) enum Offer<L> {
    Now(Made<L>),
    Later(oneshot::Receiver<Result<Made<L>, Error>>, Duration),
}

impl<L: Leaf> Default for Shared<L> {
    fn default() -> Self {
        let state = State {
            settings: Settings::default(),
            idle: VecDeque::new(),
            taken: None,
            waiters: VecDeque::new(),
            leases: HashMap::new(),
            making: 0,
            checking: 0,
            alive: 0,
            closed: None,
            orphaned: false,
            made: 0,
            failed: 0,
            thrown_away: 0,
            troubles: 0,
            last_error: None,
        };
        Self { state: Mutex::new(state), work: Notify::new(), progress: Notify::new() }
    }
}

impl<L: Leaf> Shared<L> {
    pub(super) fn lock(&self) -> MutexGuard<'_, State<L>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut Settings<L>)) {
        change(&mut self.lock().settings);
        self.work.notify_one();
    }
}

impl<L: Leaf> Shared<L> {
    /// A spare that lives, or a place among those who wait for one to be made.
    pub(super) fn take(&self) -> Result<Offer<L>, Error> {
        let mut state = self.lock();
        if let Some(why) = &state.closed {
            return Err(why.clone());
        }
        self.work.notify_one();
        while let Some(spare) = state.idle.pop_front() {
            if end_of(&spare.leaf).is_none() {
                state.taken.get_or_insert_with(Instant::now);
                return Ok(Offer::Now(spare));
            }
            state.throw_away(spare, "it has ended");
        }
        state.waiters.retain(|waiter| !waiter.is_closed());
        let to_come = state.making + state.checking + state.room();
        if state.waiters.len() >= to_come {
            return Err(Error::busy(format_args!(
                "the pool has its {} processes already",
                state.settings.max_processes
            )));
        }
        let (sender, receiver) = oneshot::channel();
        state.waiters.push_back(sender);
        Ok(Offer::Later(receiver, state.settings.spawn_timeout))
    }

    /// Gives a leaf to whoever waits longest, or makes it a spare.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub(super) fn offer(&self, mut made: Made<L>) -> Result<(), Error> {
        loop {
            let mut state = self.lock();
            // Under the lock: an end that is noted later finds it among the spares.
            if let Some(why) = end_of(&made.leaf) {
                state.throw_away(made, "it has ended");
                return Err(why.within("a spare ended unused"));
            }
            let Some(waiter) = state.waiters.pop_front() else {
                state.keep(made);
                break;
            };
            // Whoever waits is woken without the lock.
            drop(state);
            match waiter.send(Ok(made)) {
                Err(Ok(back)) => made = back,
                Ok(()) | Err(Err(_)) => return Ok(()),
            }
        }
        self.progress.notify_waiters();
        Ok(())
    }

    /// One could not be made: whoever waits longest is told.
    pub(super) fn disappoint(&self, error: &Error) {
        tracing::warn!(%error, "the pool could not make a leaf");
        let mut state = self.lock();
        state.failed += 1;
        state.trouble(error.clone());
        drop(state);
        loop {
            let waiter = self.lock().waiters.pop_front();
            let Some(waiter) = waiter else { break };
            if waiter.send(Err(error.clone())).is_ok() {
                break;
            }
        }
        self.progress.notify_waiters();
    }

    /// Nothing is handed out any more, and the spares stop.
    pub(super) fn close(&self, why: &Error) {
        let mut state = self.lock();
        let why = state.closed.get_or_insert_with(|| why.clone()).clone();
        let waiters = std::mem::take(&mut state.waiters);
        let spares = std::mem::take(&mut state.idle);
        drop(state);
        waiters.into_iter().for_each(|waiter| drop(waiter.send(Err(why.clone()))));
        spares.iter().for_each(|spare| spare.leaf.stop(why.clone()));
        self.work.notify_one();
    }

    /// Stops what is in use.
    pub(super) fn stop_leases(&self, why: &Error) {
        let leases: Vec<_> = self.lock().leases.values().filter_map(Weak::upgrade).collect();
        leases.iter().for_each(|lease| lease.stop(why));
    }
}

impl<L: Leaf> State<L> {
    pub(super) fn lend(&mut self, number: u64, lease: &Arc<Lease<L>>) {
        self.leases.insert(number, Arc::downgrade(lease));
    }

    pub(super) fn give_up(&mut self, number: u64) {
        self.leases.remove(&number);
    }

    /// The number of the leaf that was just made.
    pub(super) fn count_made(&mut self) -> u64 {
        (self.alive, self.made) = (self.alive + 1, self.made + 1);
        self.made
    }

    /// A leaf has ended. Tells whether it was a spare.
    pub(super) fn count_ended(&mut self, number: u64, exit: &Exit) -> bool {
        self.alive -= 1;
        let spare = self.idle.iter().position(|spare| spare.number == number);
        let Some(spare) = spare.and_then(|at| self.idle.remove(at)) else { return false };
        self.trouble(exit.error().within("a spare ended unused"));
        self.throw_away(spare, "it has ended");
        true
    }

    pub(super) fn throw_away(&mut self, made: Made<L>, why: &str) {
        tracing::debug!(number = made.number, pid = made.leaf.pid(), why, "the pool threw a spare away");
        self.thrown_away += 1;
        made.leaf.stop(Error::closed(format_args!("the pool threw it away: {why}")));
    }

    /// What whoever warms the pool is told.
    fn trouble(&mut self, error: Error) {
        self.troubles += 1;
        self.last_error = Some(error);
    }

    fn keep(&mut self, made: Made<L>) {
        if self.closed.is_some() || self.idle.len() >= self.settings.max_idle {
            self.throw_away(made, "one too many");
        } else {
            self.idle.push_back(made);
        }
    }

    /// When a spare that was taken is to be replaced, if that is still to come.
    pub(super) fn replacing(&mut self) -> Option<Instant> {
        let at = self.taken.map(|taken| taken + AFTER).filter(|at| *at > Instant::now());
        if at.is_none() {
            self.taken = None;
        }
        at
    }

    /// How many more may exist.
    fn room(&self) -> usize {
        self.settings.max_processes.saturating_sub(self.alive + self.making)
    }

    /// How many are to be made now; spares only if it is their time.
    pub(super) fn lacking(&mut self, spares: bool) -> usize {
        if self.closed.is_some() {
            return 0;
        }
        self.waiters.retain(|waiter| !waiter.is_closed());
        let wanted = self.waiters.len() + if spares { self.settings.ahead() } else { 0 };
        wanted.saturating_sub(self.idle.len() + self.making + self.checking).min(self.room())
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            idle: self.idle.len() + self.checking,
            in_use: self.leases.len(),
            alive: self.alive,
            made: self.made,
            failed: self.failed,
            thrown_away: self.thrown_away,
        }
    }
}
