//! The calls of one tape, while they wait for those of the other.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::message::Direction;
use crate::tape::exchange::{Exchange, Exchanges};
use crate::tape::{Comparison, EntryKind, Source, TapeError, name};

/// Calls of one tape that wait for the like of them on the other, and bytes of them.
const CALLS: usize = 100_000;
const BYTES: usize = 64 << 20;
/// Sessions that are told apart.
const SESSIONS: usize = 10_000;

/// One of the two tapes.
pub(super) struct Side {
    source: Box<dyn Source>,
    open: Exchanges,
    /// The number of each session, by what its client asked first.
    pub(super) sessions: Sessions,
    waiting: BTreeMap<u64, (Key, Exchange)>,
    by_key: HashMap<Key, VecDeque<u64>>,
    bytes: usize,
    pub(super) calls: u64,
    pub(super) is_over: bool,
    /// It ended so.
    pub(super) torn: Option<TapeError>,
}

/// By digests of their names, which are small however long the names are.
pub(super) type Sessions = HashMap<Option<[u8; 32]>, usize>;

/// A digest of the session's number, the method and the params.
pub(super) type Key = [u8; 32];

impl Side {
    pub(super) fn new(source: Box<dyn Source>) -> Self {
        Self {
            source,
            open: Exchanges::default(),
            sessions: HashMap::new(),
            waiting: BTreeMap::new(),
            by_key: HashMap::new(),
            bytes: 0,
            calls: 0,
            is_over: false,
            torn: None,
        }
    }

    /// Reads on, until a call is over.
    pub(super) fn read(&mut self) -> Result<Vec<Exchange>, TapeError> {
        for entry in &mut self.source {
            let entry = match entry {
                Err(error) if error.is_torn() => {
                    self.torn = Some(error);
                    break;
                }
                entry => entry?,
            };
            if entry.kind == EntryKind::Request && entry.direction == Direction::ToUpstream {
                number(&mut self.sessions, &entry.session);
            }
            let message = name::message(&entry);
            let over = self.open.take(entry, message);
            if !over.is_empty() {
                return Ok(over);
            }
        }
        self.is_over = true;
        Ok(std::mem::take(&mut self.open).rest().collect())
    }

    pub(super) fn key(&mut self, call: &Exchange, comparison: &Comparison) -> Key {
        let session = number(&mut self.sessions, &call.request.session) as u64;
        let request = comparison.key(&call.request.bytes);
        Sha256::new().chain_update(session.to_be_bytes()).chain_update(request).finalize().into()
    }

    pub(super) fn push(&mut self, key: Key, call: Exchange) {
        self.calls += 1;
        self.bytes += call.bytes();
        self.by_key.entry(key).or_default().push_back(self.calls);
        self.waiting.insert(self.calls, (key, call));
    }

    pub(super) fn pop(&mut self, key: &Key) -> Option<Exchange> {
        let number = *self.by_key.get(key)?.front()?;
        self.remove(number)
    }

    pub(super) fn pop_first(&mut self) -> Option<Exchange> {
        let number = *self.waiting.first_key_value()?.0;
        self.remove(number)
    }

    fn remove(&mut self, number: u64) -> Option<Exchange> {
        let (key, call) = self.waiting.remove(&number)?;
        self.bytes -= call.bytes();
        if let Some(numbers) = self.by_key.get_mut(&key) {
            numbers.retain(|one| *one != number);
            if numbers.is_empty() {
                self.by_key.remove(&key);
            }
        }
        Some(call)
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() > CALLS || self.bytes > BYTES
    }
}

impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

/// Which session of its tape it is; all that are too many are one.
pub(super) fn number(sessions: &mut Sessions, name: &Option<Arc<str>>) -> usize {
    let next = sessions.len();
    let key = name.as_deref().map(|name| Sha256::digest(name).into());
    match sessions.get(&key) {
        Some(number) => *number,
        None if next >= SESSIONS => SESSIONS,
        None => *sessions.entry(key).or_insert(next),
    }
}
