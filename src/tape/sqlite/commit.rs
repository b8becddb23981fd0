//! Writing what waits.

use std::time::Instant;

use rusqlite::{Transaction, TransactionBehavior};

use super::failed::failed;
use super::find;
use super::insert::{Place, insert, title};
use super::known::Known;
use super::writer::{PATIENCE, Writer};
use crate::tape::TapeError;

impl Writer {
    /// Writes what waits in one transaction, or nothing; and, where that is bound, whether the tape ends there.
    pub(super) fn flush(&mut self, ends: bool) -> Result<(), TapeError> {
        if let Err(error) = self.try_flush(ends) {
            // It was rolled back, and so was what was new in it.
            self.known = Known::default();
            // Tried again later, not at once.
            self.due = self.due.map(|_| Instant::now() + PATIENCE);
            return Err(error);
        }
        self.frames += self.waiting.len() as u64;
        self.waiting.clear();
        (self.bytes, self.due, self.changed) = (0, None, false);
        Ok(())
    }

    fn try_flush(&mut self, ends: bool) -> Result<(), TapeError> {
        let is_to_end = ends && !self.ended && !self.guard.is_none();
        if self.waiting.is_empty() && !self.changed && !is_to_end {
            return Ok(());
        }
        self.guard.begin();
        let written = self.write(ends).map_err(|error| failed(&self.path, error)).and_then(|written| written);
        match written {
            Ok(()) => self.ended = ends,
            Err(_) => self.guard.undo(),
        }
        written
    }

    /// Not where somebody else has written to the same tape: a file is locked, a tape in it is not.
    fn write(&mut self, ends: bool) -> rusqlite::Result<Result<(), TapeError>> {
        let all = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
        if !find::is_there(&all, self.number, &self.tape.id)? {
            return Ok(Err(TapeError::removed(&self.path, &self.tape.id)));
        }
        let there = find::last(&all, self.number)?;
        let last = there.max(self.before.frames.cast_signed());
        if last != self.frames.cast_signed() || !self.guard.is_ours(&all, self.number)? {
            return Ok(Err(TapeError::busy(&self.path)));
        }
        if self.changed {
            title(&all, self.number, &self.tape, &self.before, &mut self.guard)?;
        }
        let place = Place {
            db: &all,
            tape: self.number,
            title: &self.tape,
            known: &mut self.known,
            guard: &mut self.guard,
        };
        insert(place, last + 1, &self.waiting)?;
        let written = self.waiting.len() as i64;
        let end = if written > 0 { last + written } else { there };
        find::say(&all, self.number, end)?;
        self.guard.end(&all, self.number, end, ends)?;
        let size = find::size(&all)?;
        all.commit()?;
        self.size = size;
        Ok(Ok(()))
    }
}
