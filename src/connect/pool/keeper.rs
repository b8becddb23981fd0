//! The task that makes leaves, checks spares, and learns of their end.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use super::state::{Made, Shared};
use crate::connect::leaf::{Exit, Leaf, MakeLeaf};
use crate::error::{BoxError, Error};

/// How long nothing is made ahead after the first failure.
const BACKOFF: Duration = Duration::from_millis(100);
/// The same, however many failures there were.
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// After so long without a failure, the next is a first one.
const FORGIVEN: Duration = Duration::from_secs(60);

/// A leaf, and whether it is fit.
type Checked<L> = (Made<L>, Result<(), BoxError>);

pub(super) struct Keeper<M: MakeLeaf> {
    make: M,
    pool: Arc<Shared<M::Leaf>>,
    makings: JoinSet<Result<M::Leaf, Error>>,
    checks: JoinSet<Checked<M::Leaf>>,
    /// One for each leaf, until it has ended.
    ends: JoinSet<(u64, Exit)>,
    failures: Failures,
    next_round: Instant,
}

#[derive(Default)]
struct Failures {
    in_a_row: u32,
    last: Option<Instant>,
}

impl Failures {
    fn count(&mut self) {
        if self.last.is_some_and(|last| last.elapsed() > FORGIVEN) {
            self.in_a_row = 0;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.last = Some(Instant::now());
    }

    /// When spares may be made again.
    fn until(&self) -> Option<Instant> {
        let wait = BACKOFF.saturating_mul(1 << self.in_a_row.saturating_sub(1).min(16)).min(MAX_BACKOFF);
        self.last.map(|last| last + wait).filter(|until| *until > Instant::now())
    }
}

impl<M: MakeLeaf> Keeper<M> {
    pub(super) fn new(make: M, pool: Arc<Shared<M::Leaf>>) -> Self {
        Self {
            make,
            pool,
            makings: JoinSet::new(),
            checks: JoinSet::new(),
            ends: JoinSet::new(),
            failures: Failures::default(),
            next_round: Instant::now(),
        }
    }

    /// Until the pool is closed and every leaf has ended, or nobody is left to ask.
    pub(super) async fn keep(mut self) {
        while !self.is_over() {
            let (pause, lacks) = {
                let mut state = self.pool.lock();
                let pause = state.replacing().max(self.failures.until());
                (pause, state.lacking(pause.is_none()) > 0)
            };
            let round = self.round();
            tokio::select! {
                () = self.pool.work.notified() => {}
                ready = poll_fn(|cx| self.make.poll_ready(cx)), if lacks => self.begin(ready),
                Some(made) = self.makings.join_next() => self.made(made),
                Some(checked) = self.checks.join_next() => self.checked(checked),
                Some(ended) = self.ends.join_next() => self.ended(ended),
                () = at(pause) => {}
                () = at(round) => self.check_all(),
            }
        }
    }

    fn is_over(&mut self) -> bool {
        let state = self.pool.lock();
        if state.closed.is_none() {
            return false;
        }
        let orphaned = state.orphaned;
        drop(state);
        self.makings.abort_all();
        self.checks.abort_all();
        orphaned || (self.makings.is_empty() && self.checks.is_empty() && self.ends.is_empty())
    }

    fn begin(&mut self, ready: Result<(), M::MakeError>) {
        if let Err(error) = ready {
            self.failures.count();
            return self.pool.disappoint(&Error::from(error.into()));
        }
        let mut state = self.pool.lock();
        state.making += 1;
        let limit = state.settings.spawn_timeout;
        drop(state);
        let making = self.make.make();
        self.makings.spawn(async move {
            match timeout(limit, making).await {
                Ok(made) => made.map_err(|error| Error::from(error.into())),
                Err(_) => Err(Error::timeout(format_args!("a leaf was not made within {limit:?}"))),
            }
        });
    }

    fn made(&mut self, outcome: Result<Result<M::Leaf, Error>, JoinError>) {
        let outcome = outcome.unwrap_or_else(|lost| Err(Error::closed(format_args!("a leaf: {lost}"))));
        let mut state = self.pool.lock();
        state.making -= 1;
        let closed = state.closed.clone();
        let number = if outcome.is_ok() { state.count_made() } else { 0 };
        drop(state);
        match (outcome, closed) {
            (Ok(leaf), closed) => self.own(Made { number, leaf }, closed),
            (Err(_), Some(_)) => self.pool.progress.notify_waiters(),
            (Err(error), None) => {
                self.failures.count();
                self.pool.disappoint(&error);
            }
        }
    }

    /// Watches a new leaf until it has ended.
    fn own(&mut self, made: Made<M::Leaf>, closed: Option<Error>) {
        let Made { number, leaf } = &made;
        let number = *number;
        let ended = leaf.ended();
        self.ends.spawn(async move {
            let exit = ended.await;
            (number, exit)
        });
        tracing::debug!(number, pid = leaf.pid(), "the pool made a leaf");
        match closed {
            Some(why) => leaf.stop(why),
            None => self.check(made),
        }
    }

    /// Offers it once it has passed the check, or at once where there is none.
    fn check(&mut self, made: Made<M::Leaf>) {
        let mut state = self.pool.lock();
        let Some(check) = state.settings.check.clone() else {
            drop(state);
            return self.offer(made);
        };
        state.checking += 1;
        let limit = state.settings.check_limit;
        drop(state);
        let leaf = made.leaf.clone();
        self.checks.spawn(async move {
            // Called here: a check that panics takes its own task with it, not the pool.
            let asked = async move { check(leaf).await };
            let late = |_| Err(BoxError::from(format!("it did not pass its check within {limit:?}")));
            let verdict = timeout(limit, asked).await.unwrap_or_else(late);
            (made, verdict)
        });
    }

    fn offer(&mut self, made: Made<M::Leaf>) {
        if let Err(error) = self.pool.offer(made) {
            self.failures.count();
            self.pool.disappoint(&error);
        }
    }

    fn checked(&mut self, outcome: Result<Checked<M::Leaf>, JoinError>) {
        self.pool.lock().checking -= 1;
        match outcome {
            Ok((made, Ok(()))) => self.offer(made),
            Ok((made, Err(error))) => {
                self.failures.count();
                self.pool.lock().throw_away(made, "it failed its check");
                self.pool.disappoint(&Error::from(error).within("a leaf failed the pool's check"));
            }
            // The leaf went with it.
            Err(lost) if lost.is_cancelled() => {}
            Err(lost) => {
                self.failures.count();
                self.pool.disappoint(&Error::closed(format_args!("a check of the pool: {lost}")));
            }
        }
    }

    fn ended(&mut self, outcome: Result<(u64, Exit), JoinError>) {
        if let Ok((number, exit)) = outcome
            && self.pool.lock().count_ended(number, &exit)
        {
            self.failures.count();
        }
        self.pool.progress.notify_waiters();
    }

    /// When the spares are to be checked again; never, where there is nothing to check.
    fn round(&self) -> Option<Instant> {
        let state = self.pool.lock();
        (state.settings.check.is_some() && !state.idle.is_empty()).then_some(self.next_round)
    }

    fn check_all(&mut self) {
        let mut state = self.pool.lock();
        let spares = std::mem::take(&mut state.idle);
        self.next_round = Instant::now() + state.settings.check_every;
        drop(state);
        spares.into_iter().for_each(|spare| self.check(spare));
    }
}

impl<M: MakeLeaf> Drop for Keeper<M> {
    /// Its runtime is gone, or it panicked: nobody is to wait for it.
    fn drop(&mut self) {
        self.pool.close(&Error::closed("the task that makes the pool's leaves is gone"));
        let mut state = self.pool.lock();
        (state.alive, state.making, state.checking) = (0, 0, 0);
        drop(state);
        self.pool.progress.notify_waiters();
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
