//! The handle from which traffic is looked at.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::exchange::Entry;
use super::record::{Record, What};
use super::table::Table;
use super::{Options, Snapshot};
use crate::layer::tap::Sender;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::peek;
use crate::wassette::{ComponentMap, ManagementTool};

/// What is known of the traffic of one or more stacks; cheap to clone, all clones are one. See the [module](super).
#[derive(Clone)]
pub struct Debugger {
    pub(super) state: Arc<State>,
}

pub(super) type Supplied = Box<dyn Fn() -> Arc<ComponentMap> + Send + Sync>;

pub(super) struct State {
    table: Mutex<Table>,
    log: Option<Sender<Record>>,
    supplied: Option<Supplied>,
    /// Learned from what passes, where that is wanted.
    learned: Option<Mutex<Arc<ComponentMap>>>,
}

impl Debugger {
    /// Without a log and without components.
    pub fn new() -> Self {
        Self::over(Options::new(), None)
    }

    /// With these options.
    ///
    /// # Errors
    ///
    /// The system has no thread for the log.
    pub fn start(mut options: Options) -> io::Result<Self> {
        let log = options.log.take().map(|log| log.start()).transpose()?;
        Ok(Self::over(options, log))
    }

    fn over(options: Options, log: Option<Sender<Record>>) -> Self {
        let learned = options.learns.then(Mutex::default);
        let state = State { table: Mutex::default(), log, supplied: options.supplied, learned };
        Self { state: Arc::new(state) }
    }

    /// What is in flight and what was, at this moment. Traffic waits for as long as it takes to copy some numbers.
    pub fn snapshot(&self) -> Snapshot {
        let components = self.state.components();
        let lost = self.state.log.as_ref().map_or(0, Sender::lost);
        Snapshot::of(&self.state.lock(), components, lost)
    }

    /// Waits until the log has written everything that passed before, or cannot be written any more. At once where
    /// there is no log.
    pub async fn flushed(&self) {
        if let Some(log) = &self.state.log {
            log.flushed().await;
        }
    }
}

impl Default for Debugger {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    pub(super) fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a record for the log, if there is one.
    pub(super) fn log(&self, entry: &Arc<Entry>, what: impl FnOnce() -> What) {
        if let Some(log) = &self.log {
            let (at, elapsed) = (SystemTime::now(), entry.since.elapsed());
            let record = Record { at, elapsed, entry: entry.clone(), what: what() };
            let bytes = record.bytes();
            log.offer(record, bytes);
        }
    }

    /// The request, and what was known when it was sent, if its answer tells of components.
    pub(super) fn keeps(&self, request: &JsonRpcMessage) -> Option<(JsonRpcMessage, u64)> {
        let learned = self.learned.as_ref()?;
        let tool = peek::tool_name(request).ok().flatten()?;
        ManagementTool::from_name(&tool)?;
        let generation = learned.lock().unwrap_or_else(PoisonError::into_inner).generation();
        Some((request.clone().detach(), generation))
    }

    /// Learns from a message of the server.
    pub(super) fn observe(&self, request: Option<&(JsonRpcMessage, u64)>, message: &JsonRpcMessage) {
        let Some(learned) = &self.learned else { return };
        let learned = || learned.lock().unwrap_or_else(PoisonError::into_inner);
        match (message.kind(), request) {
            (Kind::Notification, _) => Arc::make_mut(&mut learned()).observe_notification(message),
            (Kind::Response, Some((request, sent))) => {
                // Another server may have tools of the same names.
                let observed = Arc::make_mut(&mut learned()).observe_since(*sent, request, message);
                if let Err(error) = observed {
                    tracing::debug!(%error, "a component's change is not understood");
                }
            }
            _ => {}
        }
    }

    fn components(&self) -> Option<Arc<ComponentMap>> {
        let learned = || Some(self.learned.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).clone());
        self.supplied.as_ref().map(|supplied| supplied()).or_else(learned)
    }
}

impl fmt::Debug for Debugger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Debugger")
            .field("in_flight", &self.state.lock().calls.len())
            .field("log", &self.state.log.is_some())
            .finish_non_exhaustive()
    }
}
