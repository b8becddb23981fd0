//! Tapes of one stack each.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::stack::Title;
use crate::error::BoxError;
use crate::message::JsonRpcMessage;
use crate::tape::{
    Recorder, RecorderOptions, RecorderStats, Sink, Tape, TapeError, Watched, next_recorder_id,
};

/// Makes the sink of a tape.
type Make = Arc<dyn Fn(&Tape) -> Result<Box<dyn Sink>, TapeError> + Send + Sync>;

/// With this many tapes, those that have ended are looked for.
const CROWD: usize = 64;

/// How the tape of a stack is made, and those that there are.
pub(super) struct Sessions {
    make: Make,
    pub(super) options: RecorderOptions,
    /// Marks messages that are of a session without a tape, as the number of a recorder marks others.
    pub(super) nobody: u32,
    /// No tape is begun now.
    is_stopped: AtomicBool,
    live: Mutex<Live>,
}

struct Live {
    tapes: Vec<Taped>,
    /// Of those that have ended and are in the list no more.
    past: RecorderStats,
    /// The first of those that failed.
    failed: Option<TapeError>,
    crowd: usize,
}

/// A session that has a tape.
struct Taped {
    session: Option<Arc<str>>,
    /// Of its recorder.
    id: u32,
    tape: Watched,
}

impl Sessions {
    pub(super) fn new(
        make: impl Fn(&Tape) -> Result<Box<dyn Sink>, TapeError> + Send + Sync + 'static,
        options: RecorderOptions,
    ) -> Self {
        let live = Live { tapes: Vec::new(), past: RecorderStats::default(), failed: None, crowd: CROWD };
        Self {
            make: Arc::new(make),
            options,
            nobody: next_recorder_id(),
            is_stopped: AtomicBool::new(false),
            live: Mutex::new(live),
        }
    }

    /// A recorder for the stack whose first message this is.
    pub(super) fn start(
        &self,
        message: &JsonRpcMessage,
        title: Option<&Title>,
    ) -> Result<Recorder, BoxError> {
        let mut tape = Tape::new()?;
        let context = message.context();
        let session = context.and_then(|context| context.session_name()).cloned();
        tape.session.clone_from(&session);
        tape.transport = context.and_then(|context| context.transport_name()).map(Arc::from);
        if let Some(title) = title {
            tape = title(tape, message);
        }
        let make = self.make.clone();
        let recorder = Recorder::start_late(move |tape| make(tape), tape, self.options.clone())?;
        self.live().push(Taped { session, id: recorder.id(), tape: Watched::new(&recorder) });
        Ok(recorder)
    }

    /// Whether sessions without a tape get none.
    pub(super) fn stop(&self, is_stopped: bool) {
        self.is_stopped.store(is_stopped, Ordering::Release);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    /// Those that somebody holds.
    pub(super) fn recorders(&self) -> Vec<Recorder> {
        self.tapes().iter().filter_map(Watched::recorder).collect()
    }

    /// The recorder of a session. What is of none could be of any stack without a session, if there are more.
    pub(super) fn recorder_of(&self, session: Option<&str>) -> Option<Recorder> {
        let live = self.live();
        let of_it = live.tapes.iter().filter(|taped| taped.session.as_deref() == session);
        let mut found = of_it.filter_map(|taped| taped.tape.recorder());
        found.next().filter(|_| session.is_some() || found.next().is_none())
    }

    /// The recorder that marks messages so.
    pub(super) fn recorder_by(&self, id: u32) -> Option<Recorder> {
        let live = self.live();
        live.tapes.iter().rev().find(|taped| taped.id == id)?.tape.recorder()
    }

    /// Ends all tapes; the first that fails.
    pub(super) async fn finish(&self) -> Result<(), TapeError> {
        let (tapes, failed) = (self.tapes(), self.live().failed.clone());
        tapes.iter().filter_map(Watched::recorder).for_each(|recorder| recorder.end());
        let mut finished = failed.map_or(Ok(()), Err);
        for tape in tapes {
            finished = finished.and(tape.ended().await);
        }
        finished
    }

    /// Waits until all is committed that was recorded before; the first that fails.
    pub(super) async fn flushed(&self) -> Result<(), TapeError> {
        let tapes = self.tapes();
        let mut flushes = Vec::new();
        for tape in &tapes {
            flushes.push(tape.flush());
        }
        let mut flushed = Ok(());
        for (tape, flush) in tapes.iter().zip(flushes) {
            flushed = flushed.and(tape.flushed_by(flush).await);
        }
        flushed
    }

    pub(super) fn stats(&self) -> RecorderStats {
        let live = self.live();
        live.tapes.iter().map(|taped| taped.tape.stats()).fold(live.past, RecorderStats::and)
    }

    fn tapes(&self) -> Vec<Watched> {
        self.live().tapes.iter().map(|taped| taped.tape.clone()).collect()
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn push(&mut self, taped: Taped) {
        if self.tapes.len() >= self.crowd {
            let (over, live): (Vec<_>, Vec<_>) = self.tapes.drain(..).partition(|taped| taped.tape.is_over());
            self.tapes = live;
            self.failed = self.failed.take().or_else(|| over.iter().find_map(|taped| taped.tape.failure()));
            self.past = over.iter().map(|taped| taped.tape.stats()).fold(self.past, RecorderStats::and);
            self.crowd = CROWD.max(2 * self.tapes.len());
        }
        self.tapes.push(taped);
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("options", &self.options).finish_non_exhaustive()
    }
}
