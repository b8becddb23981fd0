//! A recorder that others hold.

use std::fmt;
use std::sync::{Arc, Weak};

use super::Recorder;
use super::state::{Flush, Shared, State};
use super::{Edge, RecorderStats};
use crate::tape::TapeError;

/// A recorder that others hold, and its thread, which may outlive them. It does not keep the tape open.
#[derive(Clone)]
pub(crate) struct Watched {
    shared: Weak<Shared>,
    state: Arc<State>,
}

impl Watched {
    pub(crate) fn new(recorder: &Recorder) -> Self {
        Self { shared: Arc::downgrade(&recorder.shared), state: recorder.shared.state.clone() }
    }

    /// It, while somebody holds it.
    pub(crate) fn recorder(&self) -> Option<Recorder> {
        Some(Recorder { shared: self.shared.upgrade()?, edge: Edge::default() })
    }

    /// Orders it to commit, while somebody holds it.
    pub(crate) fn flush(&self) -> Option<Flush> {
        self.recorder()?.flush()
    }

    /// Waits for that, or for the end of the tape.
    pub(crate) async fn flushed_by(&self, flush: Option<Flush>) -> Result<(), TapeError> {
        self.state.flushed_by(flush).await
    }

    /// Nobody writes any more.
    pub(crate) fn is_over(&self) -> bool {
        self.state.is_over()
    }

    /// Why the tape did not end well, if it has ended.
    pub(crate) fn failure(&self) -> Option<TapeError> {
        self.state.failure()
    }

    /// Waits for that; how the tape ended.
    pub(crate) async fn ended(&self) -> Result<(), TapeError> {
        self.state.ended().await
    }

    pub(crate) fn stats(&self) -> RecorderStats {
        self.state.stats()
    }
}

impl Recorder {
    /// By which what it records is marked.
    pub(crate) fn id(&self) -> u32 {
        self.shared.id
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
