//! What the handles and the thread of a recorder share.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;

use super::arena::Arena;
use super::facts::{Fact, Knows};
use super::{Overflow, RecorderOptions, RecorderStats};
use crate::message::JsonRpcMessage;
use crate::queue::{Sender, Watcher};
use crate::tape::profile::joined;
use crate::tape::{Entry, EntryKind, Tape, TapeError};

/// What waits for the thread.
pub(super) enum Item {
    /// And what is to be learned from it.
    Entry(Entry, Option<Fact>),
    /// More is known of the tape. There is one of them at a time.
    Change,
    Flush(oneshot::Sender<Result<(), TapeError>>),
}

/// The answer of the thread to the order to commit.
pub(crate) type Flush = oneshot::Receiver<Result<(), TapeError>>;

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
    /// Told once: the tape says that it is masked, and what comes is not.
    is_in_clear: AtomicBool,
    pub(super) knows: Knows,
    /// When the recorder began.
    began: Instant,
    /// Where on the tape that is.
    from: Duration,
}

/// What outlives the handles: what the thread tells, and what it is told.
pub(super) struct State {
    queue: Watcher<Item>,
    pub(super) arena: Arena,
    title: Mutex<Title>,
    pub(super) recorded: AtomicU64,
    /// Of what was taken from the queue.
    pub(super) lost: AtomicU64,
    refused: AtomicU64,
    pub(super) is_failing: AtomicBool,
    /// How the tape ended.
    pub(super) outcome: OnceLock<Result<(), TapeError>>,
}

/// What is known of the tape.
struct Title {
    tape: Tape,
    /// The thread has not been told of a change.
    is_new: bool,
}

impl Shared {
    /// `last` is when the last entry of a tape was said that is gone on with: the clock that told when it began may have
    /// been set since.
    pub(super) fn new(
        queue: Sender<Item>,
        tape: Tape,
        options: &RecorderOptions,
        last: Option<Duration>,
    ) -> Self {
        let age = || SystemTime::now().duration_since(tape.created).unwrap_or_default();
        let from = last.unwrap_or_else(age);
        Self {
            id: next_id(),
            knows: Knows::new(&tape),
            state: Arc::new(State::new(queue.watcher(), tape)),
            queue,
            overflow: options.overflow,
            mode: AtomicU8::new(RECORDING),
            calls: AtomicU64::new(options.calls),
            is_in_clear: AtomicBool::new(false),
            began: Instant::now(),
            from,
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
        self.from.saturating_add(self.began.elapsed())
    }

    /// Changes what is known of the tape, and tells the thread once, however often that is.
    pub(super) fn change(&self, change: impl FnOnce(&mut Tape)) {
        let mut title = self.state.title();
        change(&mut title.tape);
        let is_told = std::mem::replace(&mut title.is_new, true);
        drop(title);
        if !is_told {
            self.order(Item::Change);
        }
    }

    /// Says by which transport the client came, unless that was said.
    pub(super) fn name_transport(&self, message: &JsonRpcMessage) {
        if let Some(name) = self.knows.transport(message) {
            self.change(|tape| {
                tape.transport.get_or_insert_with(|| name.into());
            });
        }
    }

    /// Says what is masked, beside what was said of that before; `None` where nothing is.
    pub(super) fn name_redaction(&self, profile: Option<&str>) {
        let said = self.state.title().tape.redaction.clone();
        match profile {
            None if said.is_some() && !self.is_in_clear.swap(true, Ordering::Relaxed) => {
                tracing::warn!("a tape that says it is masked is recorded on without a mask");
            }
            Some(profile) if Some(joined(said.as_deref(), profile)) != said => {
                self.change(|tape| tape.redaction = Some(joined(tape.redaction.as_deref(), profile)));
            }
            _ => {}
        }
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

    /// Whether a call may go on, where the recorder fails closed. It takes no lock.
    pub(super) fn admits(&self) -> bool {
        let is_closed = self.overflow == Overflow::FailClosed
            && self.mode() == RECORDING
            && (self.state.is_failing() || !self.queue.has_room());
        if is_closed {
            self.refuse();
        }
        !is_closed
    }

    /// A call does not go on.
    pub(super) fn refuse(&self) {
        self.state.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn queue(&self) -> &Sender<Item> {
        &self.queue
    }
}

/// A number that no other recorder of this process has.
pub(crate) fn next_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl State {
    fn new(queue: Watcher<Item>, tape: Tape) -> Self {
        Self {
            queue,
            arena: Arena::default(),
            title: Mutex::new(Title { tape, is_new: false }),
            recorded: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
            outcome: OnceLock::new(),
        }
    }

    fn title(&self) -> MutexGuard<'_, Title> {
        self.title.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tape(&self) -> Tape {
        self.title().tape.clone()
    }

    /// The thread has been told of what changed until now.
    pub(super) fn take_change(&self) {
        self.title().is_new = false;
    }

    /// What the thread learned; whether it is something new.
    pub(super) fn learn(&self, learn: impl FnOnce(&mut Tape) -> bool) -> bool {
        learn(&mut self.title().tape)
    }

    pub(super) fn lose(&self, entries: u64) {
        self.lost.fetch_add(entries, Ordering::Relaxed);
    }

    /// Nobody writes any more.
    pub(super) fn is_over(&self) -> bool {
        self.queue.is_closed()
    }

    /// Why it did not end well.
    pub(super) fn failure(&self) -> Option<TapeError> {
        self.outcome.get()?.clone().err()
    }

    /// Waits until nobody writes any more; how the tape ended.
    pub(super) async fn ended(&self) -> Result<(), TapeError> {
        self.queue.closed().await;
        self.outcome.get().cloned().unwrap_or_else(|| Err(gone()))
    }

    /// Waits for what was ordered, or for the end of the tape.
    pub(super) async fn flushed_by(&self, flush: Option<Flush>) -> Result<(), TapeError> {
        if let Some(flush) = flush
            && let Ok(committed) = flush.await
        {
            return committed;
        }
        self.ended().await
    }

    fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Acquire)
            || self.is_over() && !matches!(self.outcome.get(), Some(Ok(())))
    }

    pub(super) fn stats(&self) -> RecorderStats {
        RecorderStats {
            recorded: self.recorded.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed) + self.queue.lost(),
            refused: self.refused.load(Ordering::Relaxed),
            is_failing: self.is_failing(),
        }
    }
}

fn gone() -> TapeError {
    TapeError::io("the tape", io::Error::other("nobody writes it any more"))
}

/// So many are missing here.
pub(super) fn gap(lost: u64) -> Entry {
    Entry::new(EntryKind::Lost, crate::message::Direction::ToUpstream, lost.to_string())
}
