//! Whole calls of a tape.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::call::Key;
use super::{Edge, Entry, EntryKind, Outcome, failure, name};
use crate::message::{Direction, JsonRpcMessage};

/// Calls that are open at once, and bytes of them; beyond that, the oldest end as if there were no more of them.
const CALLS: usize = 10_000;
const BYTES: usize = 64 << 20;
/// Messages within one call that are kept.
const ITEMS: usize = 10_000;
/// Calls that are over at the client's edge, while the server's edge may still tell of them.
const RECENT: usize = 10_000;
/// Bytes that an open call takes beside its entries: its message, and its places here.
const CALL: usize = 512;

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
    /// As what it failed, where the tape says.
    pub(super) failure: Option<&'static str>,
    /// Tells it from others with the same key.
    sequence: u64,
}

/// The calls of a tape, as they end. A call that a recorder has seen at both edges has one number there: it is one call,
/// the client's, however often it was tried below.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    open: HashMap<Key, Exchange>,
    /// In the order in which they began.
    began: BTreeMap<u64, Key>,
    next: u64,
    bytes: usize,
    recent: Recent,
}

/// The numbers of calls that ended last.
#[derive(Debug, Default)]
struct Recent {
    numbers: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Recent {
    fn add(&mut self, number: u64) {
        if !self.numbers.insert(number) {
            return;
        }
        self.order.push_back(number);
        if self.order.len() > RECENT
            && let Some(oldest) = self.order.pop_front()
        {
            self.numbers.remove(&oldest);
        }
    }
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
        let answer = self.answer.as_ref().map(|(entry, _)| entry);
        let entries = [&self.request].into_iter().chain(answer).chain(&self.items);
        CALL + entries.map(weight).sum::<usize>()
    }
}

/// What an entry keeps in memory: its names are its own.
pub(crate) fn weight(entry: &Entry) -> usize {
    let names = [&entry.session, &entry.component].into_iter().flatten();
    size_of::<Entry>() + entry.bytes.len() + names.map(|name| name.len()).sum::<usize>()
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

    /// Takes the next entry; the call that is over with it, and those for which there is no room any more.
    pub(super) fn take(&mut self, entry: Entry, message: Option<JsonRpcMessage>) -> Vec<Exchange> {
        let key = self.key(&entry, message.as_ref());
        let ended = match (entry.kind, message) {
            (EntryKind::Request, Some(message)) => self.request(entry, message, key),
            (EntryKind::End, _) => self.end(&entry),
            (EntryKind::Response, Some(message)) => self.response(entry, message, key),
            _ => {
                self.item(entry, key);
                None
            }
        };
        let mut over = Vec::from_iter(ended);
        while (self.open.len() > CALLS || self.bytes > BYTES)
            && let Some(oldest) = self.close_oldest()
        {
            over.push(oldest);
        }
        over
    }

    /// What is left open at the end of the tape, in the order in which it began.
    pub(super) fn rest(mut self) -> impl Iterator<Item = Exchange> {
        let began = std::mem::take(&mut self.began);
        began.into_values().filter_map(move |key| self.open.remove(&key))
    }

    fn request(&mut self, entry: Entry, message: JsonRpcMessage, owner: Option<Key>) -> Option<Exchange> {
        if entry.direction == Direction::ToClient && owner.is_some() {
            self.item(entry, owner);
            return None;
        }
        let key = Key::of(&entry, &message)?;
        if self.is_known(&key, &entry) {
            return None;
        }
        // A number that is used again is a new call.
        let before = self.close(&key);
        let sequence = self.next;
        self.next += 1;
        let exchange = Exchange {
            request: entry,
            message,
            items: Vec::new(),
            answer: None,
            outcome: None,
            failure: None,
            sequence,
        };
        self.bytes += exchange.bytes();
        self.began.insert(sequence, key.clone());
        self.open.insert(key, exchange);
        before
    }

    /// Whether it is no call of its own: the other edge tells of it, or the client's has, or a layer has said it again.
    fn is_known(&self, key: &Key, entry: &Entry) -> bool {
        match self.open.get(key) {
            Some(Exchange { request, .. }) => {
                request.edge != entry.edge || entry.synthetic && request.bytes == entry.bytes
            }
            None => {
                entry.edge == Edge::Upstream
                    && key.number().is_some_and(|number| self.recent.numbers.contains(&number))
            }
        }
    }

    fn item(&mut self, entry: Entry, key: Option<Key>) {
        let Some(open) = key.and_then(|key| self.open.get_mut(&key)) else { return };
        if open.request.edge == entry.edge && open.items.len() < ITEMS {
            self.bytes += weight(&entry);
            open.items.push(entry);
        }
    }

    fn response(&mut self, entry: Entry, message: JsonRpcMessage, key: Option<Key>) -> Option<Exchange> {
        let key = key?;
        if Key::of(&entry, &message).as_ref() != Some(&key) {
            self.item(entry, Some(key));
            return None;
        }
        let mut over = self.close_at(&key, entry.edge)?;
        (over.answer, over.outcome) = (Some((entry, message)), Some(Outcome::Answered));
        Some(over)
    }

    fn end(&mut self, entry: &Entry) -> Option<Exchange> {
        let owner = Key::of_owner(entry)?;
        let mut over =
            self.close_at(&owner.reversed(), entry.edge).or_else(|| self.close_at(&owner, entry.edge))?;
        over.outcome = entry.outcome;
        over.failure = failure::kind(&entry.bytes).filter(|_| entry.outcome == Some(Outcome::Failed));
        Some(over)
    }

    /// Only where it was seen first: the same is said at each edge.
    fn close_at(&mut self, key: &Key, edge: Edge) -> Option<Exchange> {
        if self.open.get(key)?.request.edge != edge {
            return None;
        }
        self.close(key)
    }

    fn close(&mut self, key: &Key) -> Option<Exchange> {
        let over = self.open.remove(key)?;
        self.bytes -= over.bytes();
        if over.request.edge == Edge::Client {
            key.number().into_iter().for_each(|number| self.recent.add(number));
        }
        self.began.remove(&over.sequence);
        Some(over)
    }

    fn close_oldest(&mut self) -> Option<Exchange> {
        let oldest = self.began.first_key_value()?.1.clone();
        self.close(&oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(id: u64) -> (Entry, JsonRpcMessage) {
        let message = JsonRpcMessage::request(id as i64, "ping", "{}").unwrap();
        (Entry::message(&message, Direction::ToUpstream), message)
    }

    fn take(all: &mut Exchanges, (entry, message): (Entry, JsonRpcMessage)) -> Vec<Exchange> {
        all.take(entry, Some(message))
    }

    #[test]
    fn ids_that_are_used_again_behind_an_open_call_leave_nothing() {
        let mut all = Exchanges::default();
        assert!(take(&mut all, request(0)).is_empty());
        for _ in 0..3 * CALLS {
            assert!(take(&mut all, request(1)).is_empty());
            let answer = JsonRpcMessage::response(1, "{}").unwrap();
            let over = take(&mut all, (Entry::message(&answer, Direction::ToClient), answer));
            assert_eq!(over.len(), 1);
            assert!(all.began.len() == 1 && all.open.len() == 1);
        }
        // The last of them is the youngest, whatever had its id before.
        take(&mut all, request(2));
        take(&mut all, request(1));
        let order: Vec<_> = all.rest().map(|call| call.message.owned_id().unwrap().to_string()).collect();
        assert_eq!(order, ["0", "2", "1"]);
    }

    #[test]
    fn what_has_no_bytes_weighs_something_too() {
        let mut all = Exchanges::default();
        let mut over = 0;
        for call in 0..60 {
            let (entry, message) = request(call);
            over += take(&mut all, (entry.call(call), message)).len();
            for _ in 0..ITEMS {
                let note = Entry::new(EntryKind::Note, Direction::ToClient, "").call(call);
                over += all.take(note, None).len();
            }
            assert!(all.bytes <= BYTES);
        }
        assert!(over > 0 && over < 60);
        all.rest().for_each(drop);
    }

    #[test]
    fn a_large_call_makes_room_by_as_many_as_it_takes() {
        let mut all = Exchanges::default();
        (0..100).for_each(|id| drop(take(&mut all, request(id))));
        let (mut entry, message) = request(100);
        entry.bytes = vec![b' '; BYTES - 4096].into();
        assert!(take(&mut all, (entry, message)).len() > 50 && all.bytes <= BYTES);
    }
}
