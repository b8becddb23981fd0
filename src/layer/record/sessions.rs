//! Tapes of one stack each.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::BoxError;
use crate::message::JsonRpcMessage;
use crate::tape::{Recorder, RecorderOptions, RecorderStats, Sink, Tape, TapeError, Watched};

/// Makes the sink of a tape.
type Make = Arc<dyn Fn(&Tape) -> Result<Box<dyn Sink>, TapeError> + Send + Sync>;

/// With this many tapes, those that have ended are looked for.
const CROWD: usize = 64;

/// How the tape of a stack is made, and those that there are.
pub(super) struct Sessions {
    make: Make,
    pub(super) options: RecorderOptions,
    live: Mutex<Live>,
}

struct Live {
    tapes: Vec<Watched>,
    /// Of those that have ended and are in the list no more.
    past: RecorderStats,
    /// The first of those that failed.
    failed: Option<TapeError>,
    crowd: usize,
}

impl Sessions {
    pub(super) fn new(
        make: impl Fn(&Tape) -> Result<Box<dyn Sink>, TapeError> + Send + Sync + 'static,
        options: RecorderOptions,
    ) -> Self {
        let live = Live { tapes: Vec::new(), past: RecorderStats::default(), failed: None, crowd: CROWD };
        Self { make: Arc::new(make), options, live: Mutex::new(live) }
    }

    /// A recorder for the stack whose first message this is.
    pub(super) fn start(&self, message: &JsonRpcMessage) -> Result<Recorder, BoxError> {
        let mut tape = Tape::new()?;
        if let Some(session) = message.context().and_then(|context| context.session_id()) {
            tape = tape.session(session);
        }
        let make = self.make.clone();
        let recorder = Recorder::start_late(move |tape| make(tape), tape, self.options.clone())?;
        self.live().push(Watched::new(&recorder));
        Ok(recorder)
    }

    /// Ends all tapes; the first that fails.
    pub(super) async fn finish(&self) -> Result<(), TapeError> {
        let (tapes, failed) = {
            let live = self.live();
            (live.tapes.clone(), live.failed.clone())
        };
        tapes.iter().filter_map(Watched::recorder).for_each(|recorder| recorder.end());
        let mut finished = failed.map_or(Ok(()), Err);
        for tape in tapes {
            finished = finished.and(tape.ended().await);
        }
        finished
    }

    /// Waits until all is committed that was recorded before; the first that fails.
    pub(super) async fn flushed(&self) -> Result<(), TapeError> {
        let tapes = self.live().tapes.clone();
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
        live.tapes.iter().map(Watched::stats).fold(live.past, RecorderStats::and)
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn push(&mut self, tape: Watched) {
        if self.tapes.len() >= self.crowd {
            let (over, live) = self.tapes.drain(..).partition(Watched::is_over);
            let over: Vec<Watched> = over;
            self.tapes = live;
            self.failed = self.failed.take().or_else(|| over.iter().find_map(Watched::failure));
            self.past = over.iter().map(Watched::stats).fold(self.past, RecorderStats::and);
            self.crowd = CROWD.max(2 * self.tapes.len());
        }
        self.tapes.push(tape);
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("options", &self.options).finish_non_exhaustive()
    }
}
