//! A file of lines, each a JSON document.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};

use crate::tape::lines::{Next, read_line};
use crate::tape::{Entry, MAX_FRAME_BYTES, Source, Tape, TapeError, text};

/// What a line means.
pub(super) trait Dialect: Sized + Send {
    /// By the first line; the reader begins with it again.
    fn begin(path: &Path, line: &[u8]) -> Result<Self, TapeError>;

    /// Adds what a line says, in its order. The line is JSON.
    fn read(&mut self, line: &[u8], said: &mut VecDeque<Entry>) -> Result<(), Cow<'static, str>>;

    /// What is known of the tape so far.
    fn tape(&self) -> &Tape;
}

#[derive(Debug)]
pub(super) struct Reader<D> {
    input: BufReader<File>,
    path: PathBuf,
    line: Vec<u8>,
    /// Lines that were read.
    lines: u64,
    dialect: D,
    /// What the last line said and was not told yet.
    said: VecDeque<Entry>,
    done: bool,
}

impl<D: Dialect> Reader<D> {
    /// Of a file that may be read, at its beginning.
    pub(super) fn of(file: File, path: &Path) -> Result<Self, TapeError> {
        let failed = |error| TapeError::io(path.display(), error);
        let mut input = BufReader::with_capacity(64 << 10, file);
        let mut line = Vec::new();
        while line.trim_ascii().is_empty() {
            line.clear();
            match read_line(&mut input, &mut line, MAX_FRAME_BYTES).map_err(failed)? {
                Next::Line | Next::Part => {}
                Next::End => return Err(TapeError::foreign(path, "it is empty")),
                Next::TooLong => return Err(TapeError::foreign(path, "its first line has no end")),
            }
        }
        if !text::is_json(line.trim_ascii()) {
            return Err(TapeError::foreign(path, "its first line is no JSON"));
        }
        let dialect = D::begin(path, line.trim_ascii())?;
        input.rewind().map_err(failed)?;
        line.clear();
        Ok(Self { input, path: path.to_owned(), line, lines: 0, dialect, said: VecDeque::new(), done: false })
    }

    /// Reads lines until one says something, or to the end.
    fn step(&mut self) -> Result<(), TapeError> {
        while self.said.is_empty() {
            self.line.clear();
            let next = read_line(&mut self.input, &mut self.line, MAX_FRAME_BYTES)
                .map_err(|error| TapeError::io(self.path.display(), error))?;
            self.lines += 1;
            let line = self.line.trim_ascii();
            let place = || format!("{}:{}", self.path.display(), self.lines);
            match next {
                Next::End => break,
                Next::TooLong => return Err(TapeError::too_large(place(), MAX_FRAME_BYTES)),
                _ if line.is_empty() => continue,
                Next::Part if !text::is_json(line) => {
                    return Err(TapeError::torn(place(), format_args!("{} bytes of a line", line.len())));
                }
                Next::Line if !text::is_json(line) => {
                    return Err(TapeError::damaged(place(), "it is no JSON"));
                }
                Next::Line | Next::Part => {}
            }
            self.dialect.read(line, &mut self.said).map_err(|why| TapeError::damaged(place(), why))?;
        }
        Ok(())
    }
}

impl<D: Dialect> Iterator for Reader<D> {
    type Item = Result<Entry, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.said.is_empty() && !self.done {
            if let Err(error) = self.step() {
                self.done = true;
                self.said.clear();
                return Some(Err(error));
            }
            self.done = self.said.is_empty();
        }
        self.said.pop_front().map(Ok)
    }
}

impl<D: Dialect> Source for Reader<D> {
    fn tape(&self) -> &Tape {
        self.dialect.tape()
    }
}
