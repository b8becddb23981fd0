//! The thread that writes a tape.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use super::facts;
use super::state::{Item, State, gap};
use crate::queue::{Receiver, Taken};
use crate::tape::{Entry, EntryKind, Sink, Tape, TapeError};

/// What is taken from the queue at once.
pub(super) const BATCH: usize = 64;
/// Bytes of that, and what is more only by the last entry. Until they are written they count as waiting.
const BATCH_BYTES: usize = 256 << 10;
/// After so many entries those who wait for a processor go first, unless much is left to write.
const TURN: usize = 8;
/// Between two attempts to write.
const PAUSE: Duration = Duration::from_millis(250);
/// Between two attempts to commit, while entries are taken.
const RETRY: Duration = Duration::from_millis(20);
/// So long what came first waits for more: to be woken costs more than to write an entry, and so does to wake.
const GATHER: Duration = Duration::from_millis(5);

pub(super) struct Thread {
    sink: Box<dyn Sink>,
    queue: Receiver<Item>,
    state: Arc<State>,
    taken: VecDeque<Taken<Item>>,
    /// The sink does not know yet what is known of the tape.
    is_changed: bool,
    /// Nobody is left to wait for, and the last attempt to write failed.
    failure: Option<TapeError>,
    /// Entries that the sink took and may have in memory only.
    unwritten: u64,
    /// When the last entry was said.
    last: (Duration, Option<SystemTime>),
}

impl Thread {
    pub(super) fn new(sink: Box<dyn Sink>, queue: Receiver<Item>, state: Arc<State>) -> Self {
        let (taken, last) = (VecDeque::with_capacity(BATCH), (sink.last_at().unwrap_or_default(), None));
        Self { sink, queue, state, taken, is_changed: false, failure: None, unwritten: 0, last }
    }

    pub(super) fn run(mut self) {
        // Where that is forbidden, it is as important as the others.
        let _ = super::priority::lower();
        while self.queue.wait() {
            self.queue.linger(GATHER);
            self.work();
            self.state.arena.rest();
        }
        let ended = self.end();
        if let Err(error) = &ended {
            tracing::error!(%error, "the end of a tape was not written");
            if self.sink.due().is_some() {
                self.state.recorded.fetch_sub(self.unwritten, Ordering::Relaxed);
                self.state.lose(self.unwritten);
            }
        }
        // Who waits for it waits until the queue is closed: the sink is gone then, too.
        drop(self.state.outcome.set(ended));
    }

    /// Writes what waits, until there is nothing to write or to commit.
    fn work(&mut self) {
        loop {
            self.queue.take_some(BATCH, BATCH_BYTES, &mut self.taken);
            if self.taken.is_empty() {
                // What failed may have left nothing to wait for, as when only the disk was not reached.
                if self.sink.due().is_none() && !self.state.is_failing.load(Ordering::Relaxed) {
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
                self.give_way();
            }
            if self.sink.due().is_some_and(|due| due <= Instant::now()) {
                drop(self.commit());
            }
        }
    }

    /// A lower priority says who gets more time, not who gets it first: without this, traffic waits for the whole batch.
    fn give_way(&self) {
        if self.taken.len().is_multiple_of(TURN) && !self.queue.is_pressed() {
            std::thread::yield_now();
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
                if fact.is_some_and(|fact| self.state.learn(|tape| facts::learn(tape, fact, &entry.bytes))) {
                    self.tell();
                }
                self.write(&entry);
            }
            Taken::Item(Item::Change) => {
                self.state.take_change();
                self.tell();
            }
            Taken::Item(Item::Flush(asked)) => drop(asked.send(self.commit())),
        }
    }

    /// Until the sink has taken it, or there is nobody left to wait for.
    fn write(&mut self, entry: &Entry) {
        while self.failure.is_none() {
            match self.sink.append(entry) {
                Ok(()) => return self.appended(),
                Err(error) if error.is_too_large() => {
                    tracing::warn!(%error, "an entry is not recorded");
                    return self.leave_out(entry);
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

    /// That it stays in memory says nothing of the disk.
    fn appended(&mut self) {
        self.state.recorded.fetch_add(1, Ordering::Relaxed);
        self.unwritten += 1;
        if self.sink.due().is_none() {
            self.well();
        }
    }

    /// One is missing, where it would stand.
    fn leave_out(&mut self, entry: &Entry) {
        self.state.lose(1);
        if entry.kind != EntryKind::Lost {
            let mut gap = gap(1).at(entry.at);
            gap.wall = entry.wall;
            self.write(&gap);
        }
    }

    /// The sink learns of the tape now, or with the next commit.
    fn tell(&mut self) {
        self.is_changed = self.update(&self.state.tape()).is_err();
    }

    /// What is too large is left as it was: entries tell it, and a tape that is not written tells nothing.
    fn update(&mut self, tape: &Tape) -> Result<(), TapeError> {
        match self.sink.update(tape) {
            Err(error) if error.is_too_large() => {
                tracing::warn!(%error, "what is known of a tape is not recorded");
                Ok(())
            }
            updated => updated,
        }
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
            self.update(&self.state.tape())?;
            self.is_changed = false;
        }
        self.sink.commit()
    }

    fn end(&mut self) -> Result<(), TapeError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut tape = self.state.tape();
        tape.duration = Some(tape.duration.unwrap_or_default().max(self.last.0));
        let told = self.update(&tape);
        self.sink.finish().and(told)
    }

    fn fail(&self, error: &TapeError) {
        if !self.state.is_failing.swap(true, Ordering::Release) {
            tracing::error!(%error, "a tape cannot be written");
        }
    }

    /// All that was taken is written.
    fn well(&mut self) {
        self.unwritten = 0;
        if self.failure.is_none() && self.state.is_failing.load(Ordering::Relaxed) {
            self.state.is_failing.store(false, Ordering::Release);
            tracing::info!("the tape can be written again");
        }
    }
}
