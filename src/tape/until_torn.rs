//! Reading a tape that a crash has cut.

use super::{Entry, TapeError};

/// What is left of a tape, up to where it is torn.
#[derive(Debug)]
pub(super) struct UntilTorn<I> {
    entries: I,
    is_torn: bool,
}

impl<I> UntilTorn<I> {
    pub(super) fn new(entries: I) -> Self {
        Self { entries, is_torn: false }
    }

    /// It has ended in the middle.
    pub(super) fn is_torn(&self) -> bool {
        self.is_torn
    }
}

impl<I: Iterator<Item = Result<Entry, TapeError>>> Iterator for UntilTorn<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        if self.is_torn {
            return None;
        }
        self.entries.next().filter(|entry| {
            self.is_torn = matches!(entry, Err(error) if error.is_torn());
            !self.is_torn
        })
    }
}
