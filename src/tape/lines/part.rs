//! A part of a tape in JSON Lines.

use super::Writer;
use crate::tape::rotating::{Before, PartWriter};
use crate::tape::{Sink, Tape, TapeError};

impl PartWriter for Writer {
    fn tape(&self) -> &Tape {
        Self::tape(self)
    }

    fn bytes(&self) -> u64 {
        Self::bytes(self)
    }

    fn is_empty(&self) -> bool {
        self.frames() == self.before
    }

    fn reached(&self) -> Before {
        let tip = self.chain.as_ref().map(|chain| chain.tip);
        Before { frames: self.frames(), at: self.last_at(), tip }
    }

    fn set_durable(&mut self, durable: bool) -> Result<(), TapeError> {
        self.file.durable(durable);
        Ok(())
    }

    fn end(&mut self) -> Result<(), TapeError> {
        self.end_here()
    }
}
