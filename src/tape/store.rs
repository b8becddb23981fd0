//! What every format can do.

use std::time::{Duration, Instant};

use super::{Entry, Filter, Tape, TapeError};

/// Where a tape is written to. It blocks: a recorder puts a bounded queue and a thread of its own before it.
pub trait Sink: Send {
    /// Adds an entry. It may stay in memory until [`commit`](Self::commit), or until there is enough of it. The bytes of
    /// what a [`Recorder`](super::Recorder) hands over share memory with what was said before and after, 64 KiB of it:
    /// who keeps a few for long copies them.
    ///
    /// # Errors
    ///
    /// The entry was not taken, and all before it were; it may be tried again, or what comes after it. What waits in
    /// memory waits on, within a bound.
    fn append(&mut self, entry: &Entry) -> Result<(), TapeError>;

    /// Says what has become known of the tape. The last counts.
    ///
    /// # Errors
    ///
    /// It could not be written.
    fn update(&mut self, tape: &Tape) -> Result<(), TapeError>;

    /// Whatever was added so far survives the end of this process from here on; of the machine, if the sink is
    /// durable.
    ///
    /// # Errors
    ///
    /// It could not be written. It may be tried again; nothing is written twice.
    fn commit(&mut self) -> Result<(), TapeError>;

    /// When [`commit`](Self::commit) is due at the latest, by this sink's own patience; `None` while there is nothing to
    /// commit.
    fn due(&self) -> Option<Instant>;

    /// Commits and ends the tape.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    fn finish(&mut self) -> Result<(), TapeError>;

    /// When the last entry was said, since the tape began; `None` where there is none. A [`Recorder`](super::Recorder)
    /// that goes on with a tape goes on from there: clocks are set, the order of a tape is not.
    fn last_at(&self) -> Option<Duration> {
        None
    }
}

/// Where a tape is read from: its entries in order, one at a time. After an error there is nothing more.
pub trait Source: Iterator<Item = Result<Entry, TapeError>> + Send {
    /// What is known of the tape so far: all of it once the last entry was read, since a tape may learn while it
    /// is recorded.
    fn tape(&self) -> &Tape;

    /// Says that nothing is wanted before the next entry that is by itself what a filter asks for by method, tool,
    /// words or session. What has an index passes over the rest; anything else need do nothing.
    fn skip_to(&mut self, filter: &Filter) {
        let _ = filter;
    }
}

impl<S: Sink + ?Sized> Sink for Box<S> {
    fn append(&mut self, entry: &Entry) -> Result<(), TapeError> {
        (**self).append(entry)
    }

    fn update(&mut self, tape: &Tape) -> Result<(), TapeError> {
        (**self).update(tape)
    }

    fn commit(&mut self) -> Result<(), TapeError> {
        (**self).commit()
    }

    fn due(&self) -> Option<Instant> {
        (**self).due()
    }

    fn finish(&mut self) -> Result<(), TapeError> {
        (**self).finish()
    }

    fn last_at(&self) -> Option<Duration> {
        (**self).last_at()
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn tape(&self) -> &Tape {
        (**self).tape()
    }

    fn skip_to(&mut self, filter: &Filter) {
        (**self).skip_to(filter);
    }
}

impl<S: Source + ?Sized> Source for &mut S {
    fn tape(&self) -> &Tape {
        (**self).tape()
    }

    fn skip_to(&mut self, filter: &Filter) {
        (**self).skip_to(filter);
    }
}
