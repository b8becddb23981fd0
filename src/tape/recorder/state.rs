//! What the handles and the thread of a recorder share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;

use super::facts::Fact;
use super::{Overflow, RecorderOptions, RecorderStats};
use crate::queue::Sender;
use crate::tape::{Entry, EntryKind, Tape, TapeError};

/// What waits for the thread.
pub(super) enum Item {
    /// And what is to be learned from it.
    Entry(Entry, Option<Fact>),
    Change(Box<dyn FnOnce(&mut Tape) + Send>),
    Flush(oneshot::Sender<Result<(), TapeError>>),
    Finish(oneshot::Sender<Result<(), TapeError>>),
}

pub(super) const RECORDING: u8 = 0;
pub(super) const PAUSED: u8 = 1;
pub(super) const FINISHED: u8 = 2;

/// Of the handles.
pub(super) struct Shared {
    /// Tells it from all other recorders of this process.
    pub(super) id: u32,
    queue: Sender<Item>,
    pub(super) state: Arc<State>,
    pub(super) overflow: Overflow,
    mode: AtomicU8,
    calls: AtomicU64,
    refused: AtomicU64,
    /// A modern client has said who it is.
    pub(super) knows_client: AtomicBool,
    /// When the tape began.
    began: Instant,
    /// How old it was then, if it is gone on with.
    age: Duration,
}

/// What the thread tells.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) recorded: AtomicU64,
    /// Of what was taken from the queue.
    pub(super) lost: AtomicU64,
    pub(super) is_failing: AtomicBool,
}

impl Shared {
    pub(super) fn new(queue: Sender<Item>, tape: &Tape, options: &RecorderOptions) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            queue,
            state: Arc::default(),
            overflow: options.overflow,
            mode: AtomicU8::new(RECORDING),
            calls: AtomicU64::new(options.calls),
            refused: AtomicU64::new(0),
            knows_client: AtomicBool::new(false),
            began: Instant::now(),
            age: SystemTime::now().duration_since(tape.created).unwrap_or_default(),
        }
    }

    pub(super) fn mode(&self) -> u8 {
        self.mode.load(Ordering::Acquire)
    }

    /// Whether it was another one before. One that has finished stays so.
    pub(super) fn change_mode(&self, to: u8) -> bool {
        let change = |mode: u8| (mode != FINISHED && mode != to).then_some(to);
        self.mode.fetch_update(Ordering::AcqRel, Ordering::Acquire, change).is_ok()
    }

    pub(super) fn next_call(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Now, since the tape began.
    pub(super) fn now(&self) -> Duration {
        self.age + self.began.elapsed()
    }

    /// Queues an entry: where it is `owed`, also beyond the bounds.
    pub(super) fn say(&self, mut entry: Entry, fact: Option<Fact>, owed: bool) {
        entry.at = self.now();
        entry = entry.wall(SystemTime::now());
        let bytes = entry.bytes.len() + size_of::<Item>();
        let item = Item::Entry(entry, fact);
        match owed {
            true => self.queue.force(item, bytes),
            false => self.queue.offer(item, bytes),
        };
    }

    /// An order to the thread, carried out at its place among the entries.
    pub(super) fn order(&self, item: Item) {
        if !self.queue.is_closed() {
            self.queue.force(item, 0);
            self.queue.urge();
        }
    }

    pub(super) fn lose(&self) {
        self.queue.lose();
    }

    pub(super) fn close(&self) {
        self.queue.close();
    }

    /// Whether a call may go on, where the recorder fails closed.
    pub(super) fn admits(&self) -> bool {
        let is_closed = self.overflow == Overflow::FailClosed
            && self.mode() == RECORDING
            && (self.is_failing() || !self.queue.has_room());
        if is_closed {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        !is_closed
    }

    pub(super) fn queue(&self) -> &Sender<Item> {
        &self.queue
    }

    fn is_failing(&self) -> bool {
        self.state.is_failing.load(Ordering::Acquire) || self.queue.is_closed() && self.mode() != FINISHED
    }

    pub(super) fn stats(&self) -> RecorderStats {
        RecorderStats {
            recorded: self.state.recorded.load(Ordering::Relaxed),
            lost: self.state.lost.load(Ordering::Relaxed) + self.queue.lost(),
            refused: self.refused.load(Ordering::Relaxed),
            is_failing: self.is_failing(),
        }
    }
}

impl State {
    pub(super) fn lose(&self, entries: u64) {
        self.lost.fetch_add(entries, Ordering::Relaxed);
    }
}

/// So many are missing here.
pub(super) fn gap(lost: u64) -> Entry {
    Entry::new(EntryKind::Lost, crate::message::Direction::ToUpstream, lost.to_string())
}
