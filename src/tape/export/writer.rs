//! One file for another recorder's tools.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::shape::{Shape, lost};
use crate::file;
use crate::tape::appender::{Appender, lock};
use crate::tape::pack::Pack;
use crate::tape::{Edge, Entry, EntryKind, Sink, Tape, TapeError};

/// Writes what another recorder's tools read. It is whole when it was [finished](Sink::finish). What becomes known of
/// the tape after it was begun has no place there.
#[derive(Debug)]
pub struct Writer {
    file: Appender,
    shape: Shape,
    tape: Tape,
    edge: Edge,
    session: Option<Option<Arc<str>>>,
    /// The number of the last line.
    number: u64,
    written: u64,
    skipped: u64,
    finished: bool,
}

impl Writer {
    /// Makes a file for the `mcp-cassette` that is on PyPI, with mode 0600.
    ///
    /// # Errors
    ///
    /// It exists, or cannot be made.
    pub fn mcp_cassette_json(path: impl AsRef<Path>, tape: &Tape) -> Result<Self, TapeError> {
        Self::create(path.as_ref(), tape, Shape::CassetteJson)
    }

    /// Makes a file for the `mcp-cassette` that is on npm, with mode 0600.
    ///
    /// # Errors
    ///
    /// It exists, or cannot be made.
    pub fn mcp_cassette_lines(path: impl AsRef<Path>, tape: &Tape) -> Result<Self, TapeError> {
        Self::create(path.as_ref(), tape, Shape::CassetteLines)
    }

    /// Makes a file for `mcpsnoop`, with mode 0600.
    ///
    /// # Errors
    ///
    /// It exists, or cannot be made.
    pub fn mcpsnoop(path: impl AsRef<Path>, tape: &Tape) -> Result<Self, TapeError> {
        Self::create(path.as_ref(), tape, Shape::Mcpsnoop)
    }

    fn create(path: &Path, tape: &Tape, shape: Shape) -> Result<Self, TapeError> {
        let file = file::create_new(path).map_err(|error| TapeError::io(path.display(), error))?;
        lock(&file, path)?;
        let mut file = Appender::new(file, path, 0, Pack::default());
        let mut number = 0;
        file.add(|out| number = shape.begin(out, tape))?;
        let (tape, edge, session) = (tape.clone(), Edge::default(), None);
        Ok(Self { file, shape, tape, edge, session, number, written: 0, skipped: 0, finished: false })
    }

    /// Writes what was seen at this edge; the client's by default.
    pub fn edge(mut self, edge: Edge) -> Self {
        self.edge = edge;
        self
    }

    /// How many entries were written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// How many entries have no place in the format.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Ids begin anew in each session, so that two cannot stand in one list.
    fn check_session(&mut self, entry: &Entry) -> Result<(), TapeError> {
        if self.shape == Shape::Mcpsnoop
            || *self.session.get_or_insert_with(|| entry.session.clone()) == entry.session
        {
            return Ok(());
        }
        let why = "the tape is of several sessions, and a cassette of one; split it first";
        let error = std::io::Error::new(std::io::ErrorKind::InvalidInput, why);
        Err(TapeError::io(self.file.path().display(), error))
    }
}

impl Sink for Writer {
    fn append(&mut self, entry: &Entry) -> Result<(), TapeError> {
        if self.finished {
            return Err(TapeError::damaged(self.file.path().display(), "the file has ended"));
        }
        if entry.edge != self.edge || !self.shape.takes(entry) {
            self.skipped += 1;
            return Ok(());
        }
        self.check_session(entry)?;
        if entry.kind == EntryKind::Lost {
            // A gap in the numbers is how it is told.
            self.number = self.number.saturating_add(lost(entry).unwrap_or(0));
        } else {
            let (number, is_first) = (self.number.saturating_add(1), self.written == 0);
            let (shape, tape) = (self.shape, &self.tape);
            self.file.add(|out| shape.entry(out, tape, entry, number, is_first))?;
            self.number = number;
        }
        self.written += 1;
        Ok(())
    }

    fn update(&mut self, _: &Tape) -> Result<(), TapeError> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), TapeError> {
        self.file.commit()
    }

    fn due(&self) -> Option<Instant> {
        self.file.due()
    }

    fn finish(&mut self) -> Result<(), TapeError> {
        if !self.finished {
            let (shape, is_empty) = (self.shape, self.written == 0);
            self.file.add(|out| shape.end(out, is_empty))?;
            self.finished = true;
        }
        self.file.commit()?;
        self.file.sync()
    }
}
