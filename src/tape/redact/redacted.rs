//! A tape on its way.

use super::Redact;
use crate::tape::{Entry, Source, Tape, TapeError};

/// A tape without what a [`Redact`] masks.
#[derive(Debug)]
pub struct Redacted<S> {
    pub(super) redact: Redact,
    pub(super) source: S,
    pub(super) tape: Tape,
}

impl<S: Source> Iterator for Redacted<S> {
    type Item = Result<Entry, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.source.next() {
            Some(Ok(entry)) => Some(Ok(self.redact.entry(entry))),
            end => {
                self.tape = self.redact.tape(self.source.tape());
                end
            }
        }
    }
}

impl<S: Source> Source for Redacted<S> {
    fn tape(&self) -> &Tape {
        &self.tape
    }
}
