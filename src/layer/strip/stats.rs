//! What was stripped, in numbers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::message::Direction;

/// What the layer did, in all stacks that it is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Of what goes to the server.
    pub to_upstream: OneWay,
    /// Of what comes back.
    pub to_client: OneWay,
}

/// The same of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OneWay {
    /// Messages that secrets were found in.
    pub messages: u64,
    /// Secrets by kind; one that runs over two blocks counts twice.
    pub secrets: BTreeMap<Cow<'static, str>, u64>,
    /// Messages that did not pass, because they could not be judged or not be rewritten.
    pub refused: u64,
}

impl OneWay {
    /// Secrets of all kinds.
    pub fn total(&self) -> u64 {
        self.secrets.values().sum()
    }
}

/// Reads the numbers of a layer, for as long as it is kept. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct StatsHandle(Arc<Mutex<Stats>>);

impl StatsHandle {
    /// As they are now.
    pub fn now(&self) -> Stats {
        self.lock().clone()
    }

    /// Only asked for where something was found: what is benign takes no lock.
    pub(super) fn count(&self, direction: Direction, add: impl FnOnce(&mut OneWay)) {
        let mut stats = self.lock();
        add(match direction {
            Direction::ToUpstream => &mut stats.to_upstream,
            Direction::ToClient => &mut stats.to_client,
        });
    }

    fn lock(&self) -> MutexGuard<'_, Stats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
