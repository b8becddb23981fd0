//! A sink that is made when there is something for it.

use std::time::{Duration, Instant};

use crate::tape::{Entry, Sink, Tape, TapeError};

/// Made by the recorder's thread, which may wait for a disk; tried again where that fails.
pub(super) struct Late<F> {
    make: F,
    tape: Tape,
    made: Option<Box<dyn Sink>>,
}

impl<F: FnMut(&Tape) -> Result<Box<dyn Sink>, TapeError>> Late<F> {
    pub(super) fn new(make: F, tape: Tape) -> Self {
        Self { make, tape, made: None }
    }
}

impl<F: FnMut(&Tape) -> Result<Box<dyn Sink>, TapeError> + Send> Sink for Late<F> {
    fn append(&mut self, entry: &Entry) -> Result<(), TapeError> {
        let sink = match &mut self.made {
            Some(sink) => sink,
            none => none.insert((self.make)(&self.tape)?),
        };
        sink.append(entry)
    }

    fn update(&mut self, tape: &Tape) -> Result<(), TapeError> {
        self.tape = tape.clone();
        self.made.as_mut().map_or(Ok(()), |sink| sink.update(tape))
    }

    fn commit(&mut self) -> Result<(), TapeError> {
        self.made.as_mut().map_or(Ok(()), |sink| sink.commit())
    }

    fn due(&self) -> Option<Instant> {
        self.made.as_ref()?.due()
    }

    fn finish(&mut self) -> Result<(), TapeError> {
        self.made.as_mut().map_or(Ok(()), |sink| sink.finish())
    }

    fn last_at(&self) -> Option<Duration> {
        self.made.as_ref()?.last_at()
    }
}
