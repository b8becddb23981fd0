//! Recording while traffic goes on.

mod arena;
mod copies;
mod exchange;
mod facts;
mod late;
mod options;
mod priority;
mod room;
mod said;
mod state;
mod stats;
mod thread;
mod watched;

use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Edge, Entry, Sink, Tape, TapeError};
use crate::message::JsonRpcMessage;
use crate::queue::queue;

use late::Late;
use state::{FINISHED, Flush, Item, PAUSED, RECORDING, Shared};
use thread::Thread;

pub use exchange::Exchange;
pub(crate) use facts::learn_of;
pub use options::{Overflow, RecorderOptions};
pub(crate) use room::Room;
pub(crate) use state::next_id as next_recorder_id;
pub use stats::RecorderStats;
pub(crate) use watched::Watched;

/// A tape that is being recorded. Cheap to clone, all clones record the same one; a thread of its own writes it, some
/// milliseconds after it was said, and ends it when the last clone is gone. On Linux the thread has a lower priority
/// than others (a nice value of 10): where processors are scarce, the traffic goes first.
///
/// What the messages tell of the whole tape (who the peers are, what they can do, which revision they agreed on, by which
/// transport the client came) goes into its [`Tape`].
///
/// While the sink fails, as on a full disk, it is tried again four times a second, and what comes meanwhile waits.
///
/// ```
/// use shadowcat::tape::{self, Outcome, Recorder, RecorderOptions, Tape, lines};
/// use shadowcat::JsonRpcMessage;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = std::env::temp_dir().join(format!("shadowcat-recorder-{}.jsonl", std::process::id()));
/// let tape = Tape::new()?.transport("stdio");
/// let recorder = Recorder::start(lines::Writer::create(&path, &tape)?, tape, RecorderOptions::new())?;
///
/// let mut exchange = recorder.begin(&JsonRpcMessage::request(1, "ping", "{}")?);
/// exchange.received(&JsonRpcMessage::response(1, "{}")?);
/// exchange.ended(Outcome::Answered, "");
/// recorder.annotate("it lives");
/// recorder.finish().await?;
///
/// let kinds: Vec<_> = tape::open(&path)?.map(|entry| entry.map(|entry| entry.kind.as_str())).collect::<Result<_, _>>()?;
/// assert_eq!(kinds, ["request", "response", "end", "note"]);
/// # std::fs::remove_file(path)?;
/// # Ok(()) }
/// ```
///
/// # Backpressure
///
/// Between the handles and the thread is a queue of 8,192 entries and 6 MiB, unless [`RecorderOptions`] say otherwise;
/// [`Overflow`] says what happens when it is full. What is taken from it counts until the sink has it, so that no more
/// waits on a full disk; what a sink keeps itself comes to that, as 1 MiB of SQLite's: less than 8 MiB in all. What is
/// to be said of the whole tape is no entry: it takes no room.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
    edge: Edge,
}

impl Recorder {
    /// Records into `sink`, which was made with `tape`. Where it [goes on](super::lines::Writer::resume) with a tape, time
    /// does so from its last entry, and [`calls_after`](RecorderOptions::calls_after) says from where on calls are
    /// numbered.
    ///
    /// # Errors
    ///
    /// The system has no thread for it.
    pub fn start(sink: impl Sink + 'static, tape: Tape, options: RecorderOptions) -> io::Result<Self> {
        Self::start_boxed(Box::new(sink), tape, &options)
    }

    /// Records into what `make` makes when the first entry is there, on the recorder's own thread. Where it fails it
    /// is asked again, and entries wait. It makes a new tape: times are counted from when `tape` was made, whatever
    /// stands in the sink.
    ///
    /// # Errors
    ///
    /// The system has no thread for it.
    pub fn start_late<F>(make: F, tape: Tape, options: RecorderOptions) -> io::Result<Self>
    where
        F: FnMut(&Tape) -> Result<Box<dyn Sink>, TapeError> + Send + 'static,
    {
        Self::start_boxed(Box::new(Late::new(make, tape.clone())), tape, &options)
    }

    fn start_boxed(sink: Box<dyn Sink>, tape: Tape, options: &RecorderOptions) -> io::Result<Self> {
        let (sender, receiver) = queue(options.max_entries, options.max_bytes);
        let shared = Arc::new(Shared::new(sender, tape, options, sink.last_at()));
        let worker = Thread::new(sink, receiver, shared.state.clone());
        std::thread::Builder::new().name("shadowcat-tape".to_owned()).spawn(move || worker.run())?;
        Ok(Self { shared, edge: Edge::default() })
    }

    /// The same recorder, for what is seen at that edge of a stack.
    pub fn at_edge(&self, edge: Edge) -> Self {
        Self { shared: self.shared.clone(), edge }
    }

    /// Records a message on its way to the server. It never waits. Where it finds no room, it is lost and counted; with
    /// [`Overflow::Backpressure`] it is not, and whoever begins waits for [`room`](Self::room) first, and so before each
    /// message that comes back; with [`Overflow::FailClosed`] neither, and whoever begins asks
    /// [`admits`](Self::admits) first.
    pub fn begin(&self, message: &JsonRpcMessage) -> Exchange {
        self.begin_for(message, None)
    }

    pub(crate) fn begin_for(&self, message: &JsonRpcMessage, component: Option<Arc<str>>) -> Exchange {
        match self.shared.mode() {
            RECORDING => Exchange::begin(&self.shared, self.edge, message, component),
            _ => Exchange::unrecorded(),
        }
    }

    /// Whether a message may go on: not where it would not be recorded and the recorder fails closed. To be asked once
    /// for each message, since it counts.
    pub fn admits(&self) -> bool {
        self.shared.admits()
    }

    /// It records now, and what it cannot record must not go on.
    pub(crate) fn must_record(&self) -> bool {
        self.overflow() == Overflow::FailClosed && self.is_recording()
    }

    /// A call does not go on, for another reason.
    pub(crate) fn refuse(&self) {
        self.shared.refuse();
    }

    /// Waits until there is room in the queue.
    pub async fn room(&self) {
        let mut room = Room::of(self);
        std::future::poll_fn(|cx| room.poll(cx)).await;
    }

    pub(crate) fn has_room(&self) -> bool {
        self.shared.queue().has_room()
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Who waits for room asks again what is to be waited for.
    pub(crate) fn wake(&self) {
        self.shared.queue().wake();
    }

    /// What happens when there is no room.
    pub fn overflow(&self) -> Overflow {
        self.shared.overflow
    }

    /// What is known of the whole tape by now.
    ///
    /// ```
    /// use shadowcat::tape::{Recorder, RecorderOptions, Tape, lines};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = std::env::temp_dir().join(format!("shadowcat-known-{}.jsonl", std::process::id()));
    /// let tape = Tape::new()?;
    /// let recorder = Recorder::start(lines::Writer::create(&path, &tape)?, tape, RecorderOptions::new())?;
    /// recorder.update(|tape| tape.session = Some("s-1".into()));
    /// assert_eq!(recorder.tape().session.as_deref(), Some("s-1"));
    /// # std::fs::remove_file(path)?;
    /// # Ok(()) }
    /// ```
    pub fn tape(&self) -> Tape {
        self.shared.state.tape()
    }

    fn say(&self, mut entry: Entry) {
        if self.is_recording() {
            entry.edge = self.edge;
            self.shared.say(entry, None, false);
        }
    }

    /// Of a message that must not be recorded; its end is, and what comes back.
    pub(crate) fn begin_lost(&self, message: &JsonRpcMessage) -> Exchange {
        match self.shared.mode() {
            RECORDING => Exchange::begin_lost(&self.shared, self.edge, message),
            _ => Exchange::unrecorded(),
        }
    }

    /// Records nothing until [`resume`](Self::resume). A note on the tape says so.
    pub fn pause(&self) {
        if self.shared.mode() == RECORDING {
            self.annotate("paused");
            self.shared.change_mode(PAUSED);
            self.wake();
        }
    }

    /// Records again.
    pub fn resume(&self) {
        if self.shared.change_mode(RECORDING) {
            self.annotate("resumed");
        }
    }

    /// Neither paused nor finished.
    pub fn is_recording(&self) -> bool {
        self.shared.mode() == RECORDING
    }

    /// Changes what is said of the whole tape, at once. The thread writes it down when it comes to it; changes that come
    /// faster are written together. `change` uses no recorder of the same tape: it would wait for itself.
    pub fn update(&self, change: impl FnOnce(&mut Tape)) {
        if self.shared.mode() != FINISHED {
            self.shared.change(change);
        }
    }

    /// Says on the tape what is masked by now, beside what was.
    pub(crate) fn name_redaction(&self, profile: Option<&str>) {
        if self.shared.mode() != FINISHED {
            self.shared.name_redaction(profile);
        }
    }

    /// Waits until everything that was recorded before is committed, or lost. While the sink takes nothing, that is as
    /// long as it takes.
    ///
    /// # Errors
    ///
    /// It could not be committed now; it is tried again. Of a tape that has ended: as [`finish`](Self::finish).
    pub async fn flushed(&self) -> Result<(), TapeError> {
        let flush = self.flush();
        self.shared.state.flushed_by(flush).await
    }

    /// The first half of [`flushed`](Self::flushed), for whoever has many to wait for.
    fn flush(&self) -> Option<Flush> {
        if self.shared.mode() == FINISHED {
            return None;
        }
        let (asked, answer) = oneshot::channel();
        self.shared.order(Item::Flush(asked));
        Some(answer)
    }

    /// Ends the tape: for all clones. It has its duration then. Who asks again, or after another clone, waits for the
    /// same end.
    ///
    /// # Errors
    ///
    /// Not all of it could be written. What was recorded and is not written counts as lost then.
    pub async fn finish(&self) -> Result<(), TapeError> {
        self.end();
        self.shared.state.ended().await
    }

    /// The first half of [`finish`](Self::finish).
    pub(crate) fn end(&self) {
        if self.shared.change_mode(FINISHED) {
            self.shared.close();
            self.wake();
        }
    }

    /// What became of entries so far.
    pub fn stats(&self) -> RecorderStats {
        self.shared.state.stats()
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("edge", &self.edge)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
