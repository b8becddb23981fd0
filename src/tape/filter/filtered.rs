//! A tape of which only some entries are read.

use std::collections::VecDeque;

use super::Filter;
use super::judge::{Judge, Verdict};
use crate::tape::call::Key;
use crate::tape::exchange::weight;
use crate::tape::{Entry, Source, Tape, TapeError};

/// So many entries, and bytes of them, wait for the end of their calls.
const ENTRIES: usize = 4096;
const BYTES: usize = 16 << 20;

/// The entries of a tape that a [`Filter`] asks for, in their order.
#[derive(Debug)]
pub struct Filtered<S> {
    source: S,
    judge: Judge,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// The source has ended, perhaps with this.
    end: Option<Option<TapeError>>,
}

#[derive(Debug)]
struct Waiting {
    entry: Entry,
    /// The call whose end is waited for.
    of: Option<Key>,
}

impl<S: Source> Filtered<S> {
    pub(super) fn new(source: S, filter: Filter) -> Self {
        Self { source, judge: Judge::new(filter), waiting: VecDeque::new(), bytes: 0, end: None }
    }

    fn read(&mut self) {
        if self.judge.is_idle() {
            self.source.skip_to(self.judge.filter());
        }
        match self.source.next() {
            Some(Ok(entry)) => self.take(entry),
            Some(Err(error)) => self.end(Some(error)),
            None => self.end(None),
        }
    }

    fn take(&mut self, entry: Entry) {
        let verdict = self.judge.take(&entry);
        for (key, is_kept) in self.judge.decided() {
            self.decide(&key, is_kept);
        }
        let of = match verdict {
            Verdict::Drop => return,
            Verdict::Keep => None,
            Verdict::With(key) => Some(key),
        };
        self.bytes += weight(&entry);
        self.waiting.push_back(Waiting { entry, of });
        while self.waiting.len() > ENTRIES || self.bytes > BYTES {
            // What is decided does not wait: the first one is not.
            let Some(key) = self.waiting.front().and_then(|first| first.of.clone()) else { break };
            self.decide(&key, false);
        }
    }

    fn decide(&mut self, key: &Key, is_kept: bool) {
        let bytes = &mut self.bytes;
        self.waiting.retain_mut(|waiting| {
            if waiting.of.as_ref() != Some(key) {
                return true;
            }
            waiting.of = None;
            *bytes -= if is_kept { 0 } else { weight(&waiting.entry) };
            is_kept
        });
    }

    fn end(&mut self, error: Option<TapeError>) {
        while let Some(key) = self.waiting.iter().find_map(|waiting| waiting.of.clone()) {
            let is_kept = self.judge.fate_so_far(&key);
            self.decide(&key, is_kept);
        }
        self.end = Some(error);
    }

    fn ready(&mut self) -> Option<Entry> {
        let first = self.waiting.front().is_some_and(|first| first.of.is_none());
        let entry = first.then(|| self.waiting.pop_front()).flatten()?.entry;
        self.bytes -= weight(&entry);
        Some(entry)
    }
}

impl<S: Source> Iterator for Filtered<S> {
    type Item = Result<Entry, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.ready() {
                return Some(Ok(entry));
            }
            match &mut self.end {
                Some(error) => return error.take().map(Err),
                None => self.read(),
            }
        }
    }
}

impl<S: Source> Source for Filtered<S> {
    fn tape(&self) -> &Tape {
        self.source.tape()
    }
}
