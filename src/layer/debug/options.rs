//! What a debugger does beside counting.

use std::fmt;
use std::sync::Arc;

use super::Log;
use super::debugger::Supplied;
use crate::wassette::ComponentMap;

/// What a [`Debugger`](super::Debugger) does beside counting: nothing, unless it is asked to.
///
/// ```
/// use shadowcat::layer::debug::{Debugger, Log, Options};
///
/// let debugger = Debugger::start(Options::new().log(Log::new(std::io::sink())).learn_components())?;
/// assert_eq!(debugger.snapshot().components.unwrap().components().count(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Default)]
pub struct Options {
    pub(super) log: Option<Log>,
    pub(super) learns: bool,
    pub(super) supplied: Option<Supplied>,
}

impl Options {
    /// Neither a log nor components.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes every message down.
    pub fn log(mut self, log: Log) -> Self {
        self.log = Some(log);
        self
    }

    /// Learns Wassette's components from what passes, as [`ComponentMap::observe`] does. For traffic with one Wassette:
    /// of several, nothing tells whose a component is.
    pub fn learn_components(mut self) -> Self {
        self.learns = true;
        self
    }

    /// Takes components from whoever knows them: `Wassette::components_seen` of a leaf, for instance. Asked for each
    /// snapshot, and preferred to what was learned.
    pub fn components_from(mut self, from: impl Fn() -> Arc<ComponentMap> + Send + Sync + 'static) -> Self {
        self.supplied = Some(Box::new(from));
        self
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("log", &self.log)
            .field("learns", &self.learns)
            .field("supplied", &self.supplied.is_some())
            .finish()
    }
}
