//! What was said on streams that may be taken up again.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::budget::Budget;
use super::call::Call;
use crate::message::JsonRpcMessage;
use crate::wire::fault::healed;

/// A stream of a session, by a number that no other stream of the session ever has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stream {
    /// The response to a POST.
    Post(u32),
    /// What the server says unasked.
    Get(u32),
}

/// An event of a session: unique among all its streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventId {
    pub(super) stream: Stream,
    pub(super) number: u64,
}

/// The last events of a session, within bounds; older ones are gone.
pub(super) struct Replay {
    max_events: usize,
    max_bytes: usize,
    budget: Arc<Budget>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
pub(super) struct Kept {
    /// Each with its number among those of all sessions.
    events: VecDeque<(u64, EventId, JsonRpcMessage)>,
    bytes: usize,
    numbers: u64,
    streams: u32,
    /// Streams on which more may come, how often each is open, and the call behind it.
    open: HashMap<Stream, (u32, Weak<Call>)>,
}

impl Replay {
    pub(super) fn new(max_events: usize, max_bytes: usize, budget: Arc<Budget>) -> Self {
        let kept = Arc::default();
        if max_events > 0 {
            budget.register(&kept);
        }
        Self { max_events, max_bytes, budget, kept }
    }

    /// Whether events have ids at all.
    pub(super) fn is_on(&self) -> bool {
        self.max_events > 0
    }

    pub(super) fn next_stream(&self) -> u32 {
        let mut kept = self.lock();
        kept.streams += 1;
        kept.streams
    }

    pub(super) fn open(&self, stream: Stream) {
        self.lock().open.entry(stream).or_default().0 += 1;
    }

    /// Who goes on with the stream if its reader is taken over.
    pub(super) fn set_call(&self, stream: Stream, call: Weak<Call>) {
        if let Some(open) = self.lock().open.get_mut(&stream) {
            open.1 = call;
        }
    }

    pub(super) fn call_of(&self, stream: Stream) -> Option<Arc<Call>> {
        self.lock().open.get(&stream)?.1.upgrade()
    }

    /// An id without a message.
    pub(super) fn mark(&self, stream: Stream) -> EventId {
        self.lock().number(stream)
    }

    pub(super) fn push(&self, stream: Stream, message: &JsonRpcMessage) -> Option<EventId> {
        let size = message.bytes().len();
        if !self.is_on() || size > self.max_bytes || !self.budget.take(size) {
            return None;
        }
        let mut kept = self.lock();
        let id = kept.number(stream);
        kept.bytes += size;
        kept.events.push_back((self.budget.next_event(), id, healed(message.clone()).detach()));
        while kept.events.len() > self.max_events || kept.bytes > self.max_bytes {
            self.budget.give_back(kept.forget_oldest());
        }
        Some(id)
    }

    /// Nothing more comes on the stream, unless it is open elsewhere.
    pub(super) fn end(&self, stream: Stream) {
        let mut kept = self.lock();
        if let Some(open) = kept.open.get_mut(&stream) {
            open.0 -= 1;
            if open.0 == 0 {
                kept.open.remove(&stream);
            }
        }
    }

    /// Whether anything may still come of the stream.
    pub(super) fn knows(&self, stream: Stream) -> bool {
        let kept = self.lock();
        kept.open.contains_key(&stream) || kept.events.iter().any(|(_, id, _)| id.stream == stream)
    }

    /// What is kept of the stream behind `after`.
    pub(super) fn since(&self, after: EventId) -> Vec<(EventId, JsonRpcMessage)> {
        let kept = self.lock();
        let later =
            kept.events.iter().filter(|(_, id, _)| id.stream == after.stream && id.number > after.number);
        later.map(|(_, id, message)| (*id, message.clone())).collect()
    }

    /// The session is over: nothing is kept any more.
    pub(super) fn close(&self) {
        let mut kept = self.lock();
        kept.open.clear();
        kept.events.clear();
        self.budget.give_back(std::mem::take(&mut kept.bytes));
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.close();
    }
}

pub(super) fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kept {
    /// The number of the oldest event that is kept.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.events.front().map(|(number, ..)| *number)
    }

    /// Tells how many bytes that were.
    pub(super) fn forget_oldest(&mut self) -> usize {
        let bytes = self.events.pop_front().map_or(0, |(_, _, message)| message.bytes().len());
        self.bytes -= bytes;
        bytes
    }

    fn number(&mut self, stream: Stream) -> EventId {
        self.numbers += 1;
        EventId { stream, number: self.numbers }
    }
}

impl EventId {
    /// One of ours.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (stream, number) = text.split_once('-')?;
        let number_of =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
        let of = u32::try_from(number_of(stream.get(1..)?)?).ok()?;
        let stream = match stream.as_bytes().first()? {
            b'p' => Stream::Post(of),
            b'g' => Stream::Get(of),
            _ => return None,
        };
        Some(Self { stream, number: number_of(number)? })
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stream {
            Stream::Post(stream) => write!(f, "p{stream}-{}", self.number),
            Stream::Get(stream) => write!(f, "g{stream}-{}", self.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{EventId, Stream};

    #[test]
    fn an_event_id_reads_as_it_was_written() {
        for stream in [Stream::Post(0), Stream::Get(u32::MAX)] {
            let id = EventId { stream, number: u64::MAX };
            assert_eq!(EventId::parse(&id.to_string()), Some(id));
        }
        for other in ["", "p", "p-", "p1", "p1-", "x1-1", "p+1-1", "p1-1-1", "p1--1", "é1-1", "p4294967296-1"]
        {
            assert_eq!(EventId::parse(other), None, "{other}");
        }
    }
}
