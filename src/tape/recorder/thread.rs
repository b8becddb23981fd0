//! The thread that writes a tape.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;

use super::facts;
use super::state::{Item, State, gap};
use crate::queue::{Receiver, Taken};
use crate::tape::{Entry, Sink, Tape, TapeError};

/// What is taken from the queue at once.
const BATCH: usize = 64;
/// Between two attempts to write.
const PAUSE: Duration = Duration::from_millis(250);

/// Between two attempts to commit, while entries are taken.
const RETRY: Duration = Duration::from_millis(20);
/// So long what came first waits for more: to be woken costs more than to write an entry, and so does to wake.
const GATHER: Duration = Duration::from_millis(5);

pub(super) struct Thread {
    sink: Box<dyn Sink>,
    tape: Tape,
    queue: Receiver<Item>,
    state: Arc<State>,
    taken: VecDeque<Taken<Item>>,
    /// The sink does not know yet what is known of the tape.
    is_changed: bool,
    /// Nobody is left to wait for, and the last attempt to write failed.
    failure: Option<TapeError>,
    finish: Option<oneshot::Sender<Result<(), TapeError>>>,
    /// When the last entry was said.
    last: (Duration, Option<SystemTime>),
}

impl Thread {
    pub(super) fn new(sink: Box<dyn Sink>, tape: Tape, queue: Receiver<Item>, state: Arc<State>) -> Self {
        let (taken, last) = (VecDeque::with_capacity(BATCH), (Duration::ZERO, None));
        Self { sink, tape, queue, state, taken, is_changed: false, failure: None, finish: None, last }
    }

    pub(super) fn run(mut self) {
        // Where that is forbidden, it is as important as the others.
        let _ = super::priority::lower();
        while self.queue.wait() {
            self.queue.linger(GATHER);
            self.work();
        }
        let ended = self.end();
        match (ended, self.finish.take()) {
            (ended, Some(asked)) => drop(asked.send(ended)),
            (Err(error), None) => tracing::error!(%error, "the end of a tape was not written"),
            (Ok(()), None) => {}
        }
    }

    /// Writes what waits, until there is nothing to write or to commit.
    fn work(&mut self) {
        loop {
            self.queue.take_some(BATCH, &mut self.taken);
            if self.taken.is_empty() {
                if self.sink.due().is_none() {
                    return;
                }
                self.commit_or_wait();
                if self.queue.is_empty() && self.queue.is_last() {
                    return;
                }
                continue;
            }
            while let Some(taken) = self.taken.pop_front() {
                self.take(taken);
            }
            if self.sink.due().is_some_and(|due| due <= Instant::now()) {
                drop(self.commit());
            }
        }
    }

    fn take(&mut self, taken: Taken<Item>) {
        match taken {
            Taken::Lost(lost) => {
                let mut gap = gap(lost).at(self.last.0);
                gap.wall = self.last.1;
                self.write(&gap);
            }
            Taken::Item(Item::Entry(entry, fact)) => {
                self.last = (entry.at, entry.wall);
                if fact.is_some_and(|fact| facts::learn(&mut self.tape, fact, &entry.bytes)) {
                    self.tell();
                }
                self.write(&entry);
            }
            Taken::Item(Item::Change(change)) => {
                change(&mut self.tape);
                self.tell();
            }
            Taken::Item(Item::Flush(asked)) => drop(asked.send(self.commit())),
            Taken::Item(Item::Finish(asked)) => self.finish = Some(asked),
        }
    }

    /// Until the sink has taken it, or there is nobody left to wait for.
    fn write(&mut self, entry: &Entry) {
        while self.failure.is_none() {
            match self.sink.append(entry) {
                Ok(()) => {
                    self.well();
                    self.state.recorded.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Err(error) if error.is_too_large() => {
                    tracing::warn!(%error, "an entry is not recorded");
                    self.state.lose(1);
                    return;
                }
                Err(error) => {
                    self.fail(&error);
                    if !self.queue.pause(PAUSE) {
                        self.failure = Some(error);
                    }
                }
            }
        }
        self.state.lose(1);
    }

    /// The sink learns of the tape now, or with the next commit.
    fn tell(&mut self) {
        self.is_changed = self.sink.update(&self.tape).is_err();
    }

    fn commit(&mut self) -> Result<(), TapeError> {
        let tried = self.try_commit();
        match &tried {
            Ok(()) => self.well(),
            Err(error) => self.fail(error),
        }
        tried
    }

    /// Tried again later, not at once.
    fn commit_or_wait(&mut self) {
        if self.commit().is_err() {
            self.queue.linger(RETRY);
        }
    }

    fn try_commit(&mut self) -> Result<(), TapeError> {
        if self.is_changed {
            self.sink.update(&self.tape)?;
            self.is_changed = false;
        }
        self.sink.commit()
    }

    fn end(&mut self) -> Result<(), TapeError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        self.tape.duration = Some(self.tape.duration.unwrap_or_default().max(self.last.0));
        self.sink.update(&self.tape)?;
        self.sink.finish()
    }

    fn fail(&self, error: &TapeError) {
        if !self.state.is_failing.swap(true, Ordering::Release) {
            tracing::error!(%error, "a tape cannot be written");
        }
    }

    fn well(&self) {
        if self.state.is_failing.load(Ordering::Relaxed) {
            self.state.is_failing.store(false, Ordering::Release);
            tracing::info!("the tape can be written again");
        }
    }
}
