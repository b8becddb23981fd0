//! A part of a tape in SQLite: a file of its own.

use super::Writer;
use crate::tape::rotating::{Before, PartWriter};
use crate::tape::{Sink, Tape, TapeError};

impl PartWriter for Writer {
    fn tape(&self) -> &Tape {
        Self::tape(self)
    }

    fn bytes(&self) -> u64 {
        self.file_bytes()
    }

    fn is_empty(&self) -> bool {
        self.frames() == self.before().frames
    }

    fn reached(&self) -> Before {
        Before { frames: self.frames(), at: self.last_at(), tip: self.guard.tip() }
    }

    fn set_durable(&mut self, durable: bool) -> Result<(), TapeError> {
        self.synchronous(durable)
    }

    fn end(&mut self) -> Result<(), TapeError> {
        self.flush(true)
    }
}
