//! Whole calls of a tape.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::call::Key;
use super::{Entry, EntryKind, Outcome, name};
use crate::message::{Direction, JsonRpcMessage};

/// Calls that are open at once, and bytes of them; beyond that, the oldest ends as if there were no more of it.
const CALLS: usize = 10_000;
const BYTES: usize = 64 << 20;
/// Messages within one call that are kept.
const ITEMS: usize = 10_000;

/// A request, what was said within its call, and how it ended: as seen at one edge, that where it was seen first.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) request: Entry,
    pub(super) message: JsonRpcMessage,
    /// Notifications, questions and answers to them, in order.
    pub(super) items: Vec<Entry>,
    pub(super) answer: Option<(Entry, JsonRpcMessage)>,
    /// `None` where the tape does not say.
    pub(super) outcome: Option<Outcome>,
}

/// The calls of a tape, as they end.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    open: HashMap<Key, Exchange>,
    /// In the order in which they began; some have ended.
    began: VecDeque<Key>,
    bytes: usize,
}

impl Exchange {
    /// The method and the tool or prompt.
    pub(super) fn name(&self) -> (String, String) {
        name::of(&self.message).unwrap_or_default()
    }

    /// From the request to its answer.
    pub(super) fn took(&self) -> Option<Duration> {
        Some(self.answer.as_ref()?.0.at.saturating_sub(self.request.at))
    }

    /// All that it keeps in memory.
    pub(super) fn bytes(&self) -> usize {
        let answer = self.answer.as_ref().map_or(0, |(entry, _)| entry.bytes.len());
        self.request.bytes.len() + answer + self.items.iter().map(|item| item.bytes.len()).sum::<usize>()
    }
}

impl Exchanges {
    /// The open call that an entry belongs to: that which it answers or ends, or in which it was said.
    pub(super) fn of(&self, entry: &Entry, message: Option<&JsonRpcMessage>) -> Option<&Exchange> {
        self.open.get(&self.key(entry, message)?)
    }

    fn key(&self, entry: &Entry, message: Option<&JsonRpcMessage>) -> Option<Key> {
        let own = match entry.kind {
            EntryKind::Response => message.and_then(|message| Key::of(entry, message)),
            EntryKind::End => Key::of_owner(entry).map(|owner| owner.reversed()),
            _ => None,
        };
        let owner = Key::of_owner(entry);
        [own, owner].into_iter().flatten().find(|key| self.open.contains_key(key))
    }

    /// Takes the next entry; the call that is over with it, and one for which there is no room any more.
    pub(super) fn take(&mut self, entry: Entry, message: Option<JsonRpcMessage>) -> [Option<Exchange>; 2] {
        let key = self.key(&entry, message.as_ref());
        let ended = match (entry.kind, message) {
            (EntryKind::Request, Some(message)) => return [self.request(entry, message, key), None],
            (EntryKind::End, _) => self.end(&entry),
            (EntryKind::Response, Some(message)) => self.response(entry, message, key),
            _ => {
                self.item(entry, key);
                None
            }
        };
        [ended, self.one_too_many()]
    }

    /// What is left open at the end of the tape, in the order in which it began.
    pub(super) fn rest(mut self) -> impl Iterator<Item = Exchange> {
        std::mem::take(&mut self.began).into_iter().filter_map(move |key| self.open.remove(&key))
    }

    fn request(&mut self, entry: Entry, message: JsonRpcMessage, owner: Option<Key>) -> Option<Exchange> {
        if entry.direction == Direction::ToClient && owner.is_some() {
            self.item(entry, owner);
            return self.one_too_many();
        }
        let key = Key::of(&entry, &message)?;
        if self.open.get(&key).is_some_and(|open| open.request.edge != entry.edge) {
            return None;
        }
        self.bytes += entry.bytes.len();
        let exchange = Exchange { request: entry, message, items: Vec::new(), answer: None, outcome: None };
        // A number that is used again is a new call.
        let before = self.close(&key);
        self.began.push_back(key.clone());
        self.open.insert(key, exchange);
        before.or_else(|| self.one_too_many())
    }

    fn item(&mut self, entry: Entry, key: Option<Key>) {
        let Some(open) = key.and_then(|key| self.open.get_mut(&key)) else { return };
        if open.request.edge == entry.edge && open.items.len() < ITEMS {
            self.bytes += entry.bytes.len();
            open.items.push(entry);
        }
    }

    fn response(&mut self, entry: Entry, message: JsonRpcMessage, key: Option<Key>) -> Option<Exchange> {
        let key = key?;
        if Key::of(&entry, &message).as_ref() != Some(&key) {
            self.item(entry, Some(key));
            return None;
        }
        if self.open.get(&key)?.request.edge != entry.edge {
            return None;
        }
        let mut over = self.close(&key)?;
        (over.answer, over.outcome) = (Some((entry, message)), Some(Outcome::Answered));
        Some(over)
    }

    fn end(&mut self, entry: &Entry) -> Option<Exchange> {
        let owner = Key::of_owner(entry)?;
        let mut over = self.close(&owner.reversed()).or_else(|| self.close(&owner))?;
        over.outcome = entry.outcome;
        Some(over)
    }

    fn close(&mut self, key: &Key) -> Option<Exchange> {
        let over = self.open.remove(key)?;
        self.bytes -= over.bytes();
        // Those at the front are dropped with the next; most end in order.
        while self.began.front().is_some_and(|began| !self.open.contains_key(began)) {
            self.began.pop_front();
        }
        Some(over)
    }

    fn one_too_many(&mut self) -> Option<Exchange> {
        if self.began.len() > 2 * CALLS {
            self.began.retain(|began| self.open.contains_key(began));
        }
        if self.open.len() <= CALLS && self.bytes <= BYTES {
            return None;
        }
        let oldest = self.began.iter().find(|began| self.open.contains_key(began)).cloned()?;
        self.close(&oldest)
    }
}
