//! Reading JSON Lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::file;
use crate::message::members;
use crate::tape::{
    Entry, MAX_FRAME_BYTES, Source, Tape, TapeError, frame, head, object::Style, text, version,
};

/// Reads a tape of JSON Lines, one entry at a time.
///
/// ```no_run
/// use shadowcat::tape::lines;
///
/// for entry in lines::Reader::open("session.jsonl")? {
///     match entry {
///         Ok(entry) => println!("{:?} {}", entry.at, entry.kind),
///         Err(error) if error.is_torn() => println!("the recorder was killed"),
///         Err(error) => return Err(error),
///     }
/// }
/// # Ok::<(), shadowcat::tape::TapeError>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    input: BufReader<File>,
    path: PathBuf,
    tape: Tape,
    line: Vec<u8>,
    /// Lines that were read.
    lines: u64,
    frame: Option<u64>,
    follow: bool,
    max: usize,
    torn_lines: u64,
    finished: bool,
    failed: bool,
}

/// What a line says.
pub(super) enum LineKind {
    Frame,
    /// What is known of the tape.
    Title,
    /// The same, at the beginning.
    Version,
    End,
    Torn,
    /// Of a later version.
    Other,
}

/// What is read next.
pub(in crate::tape) enum Next {
    Line,
    /// A line without its end.
    Part,
    End,
    TooLong,
}

impl Reader {
    /// Opens a tape.
    ///
    /// # Errors
    ///
    /// It cannot be read, is no such tape, or of another version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TapeError> {
        let path = path.as_ref();
        let file = file::read(path).map_err(|error| TapeError::io(path.display(), error))?;
        let mut input = BufReader::with_capacity(64 << 10, file);
        let mut line = Vec::new();
        let tape = first_line(&mut input, &mut line, path)?;
        Ok(Self {
            input,
            path: path.to_owned(),
            tape,
            line: Vec::new(),
            lines: 1,
            frame: None,
            follow: false,
            max: MAX_FRAME_BYTES,
            torn_lines: 0,
            finished: false,
            failed: false,
        })
    }

    /// Whether the tape may still grow: then its end is none, [`next`](Iterator::next) can be asked again after it said
    /// `None`, and a line that is not whole is waited for.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use shadowcat::tape::lines;
    ///
    /// let mut tape = lines::Reader::open("session.jsonl")?.follow(true);
    /// while !tape.is_finished() {
    ///     for entry in &mut tape {
    ///         println!("{}", entry?.kind);
    ///     }
    ///     std::thread::sleep(Duration::from_millis(100));
    /// }
    /// # Ok::<(), shadowcat::tape::TapeError>(())
    /// ```
    pub fn follow(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }

    /// Bytes of one line at most; 64 MiB by default.
    pub fn max_frame_bytes(mut self, bytes: usize) -> Self {
        self.max = bytes;
        self
    }

    /// Whether its recorder has ended the tape, as far as it was read.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// How many lines were torn by crashes that the recorder came back from, as far as it was read.
    pub fn torn_lines(&self) -> u64 {
        self.torn_lines
    }

    fn step(&mut self) -> Option<Result<Entry, TapeError>> {
        loop {
            match read_line(&mut self.input, &mut self.line, self.max) {
                Err(error) => return Some(Err(TapeError::io(self.path.display(), error))),
                Ok(Next::TooLong) => return Some(Err(TapeError::too_large(self.place(), self.max))),
                Ok(Next::End) => return None,
                Ok(Next::Part) if self.follow => return None,
                Ok(Next::Part) if !text::is_json(&self.line) => return Some(Err(self.torn())),
                Ok(Next::Part | Next::Line) => {}
            }
            self.lines += 1;
            let taken = self.take();
            self.line.clear();
            match taken {
                Ok(Some(entry)) => return Some(Ok(entry)),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn take(&mut self) -> Result<Option<Entry>, TapeError> {
        let line = std::mem::take(&mut self.line);
        let taken = self.understand(&line);
        self.line = line;
        taken
    }

    fn understand(&mut self, line: &[u8]) -> Result<Option<Entry>, TapeError> {
        let damaged = |why| TapeError::damaged(format_args!("{}:{}", self.path.display(), self.lines), why);
        if !text::is_json(line) {
            return Err(damaged("it is no JSON".into()));
        }
        self.finished = false;
        match LineKind::of(line) {
            LineKind::Frame => {
                let (number, entry) = frame::read(line, Style::Line).map_err(damaged)?;
                follows(self.frame, number).map_err(|why| damaged(why.into()))?;
                self.frame = number;
                return Ok(Some(entry));
            }
            LineKind::Title => self.tape = head::read(line).map_err(damaged)?,
            LineKind::Version => {
                return Err(damaged("another tape begins here; files are not to be joined".into()));
            }
            LineKind::End => self.finished = true,
            LineKind::Torn => self.torn_lines += 1,
            LineKind::Other => {}
        }
        Ok(None)
    }

    fn place(&self) -> String {
        format!("{}:{}", self.path.display(), self.lines + 1)
    }

    fn torn(&self) -> TapeError {
        TapeError::torn(self.place(), format_args!("{} bytes of a line", self.line.len()))
    }
}

impl Iterator for Reader {
    type Item = Result<Entry, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.step();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

impl Source for Reader {
    fn tape(&self) -> &Tape {
        &self.tape
    }
}

impl LineKind {
    /// By its first key.
    pub(super) fn of(line: &[u8]) -> Self {
        let Some(first) = members(line).next() else { return Self::Other };
        let kinds = [
            ("frame", Self::Frame),
            ("tape_id", Self::Title),
            ("version", Self::Version),
            ("end", Self::End),
            ("torn", Self::Torn),
        ];
        kinds.into_iter().find(|(key, _)| first.is(key)).map_or(Self::Other, |(_, kind)| kind)
    }
}

/// A tape may begin with any number: it may be a part.
pub(in crate::tape) fn follows(last: Option<u64>, number: Option<u64>) -> Result<(), String> {
    match (last, number) {
        (Some(last), Some(number)) if last.checked_add(1) != Some(number) => {
            Err(format!("frame {number} comes after frame {last}: frames were removed, added or moved"))
        }
        _ => Ok(()),
    }
}

/// Of a file that is opened already.
pub(super) fn title(file: &File, path: &Path) -> Result<Tape, TapeError> {
    first_line(&mut BufReader::new(file), &mut Vec::new(), path)
}

fn first_line(input: &mut impl BufRead, line: &mut Vec<u8>, path: &Path) -> Result<Tape, TapeError> {
    match read_line(input, line, version::MAX_TITLE) {
        Err(error) => return Err(TapeError::io(path.display(), error)),
        Ok(Next::End) => return Err(TapeError::foreign(path, "it is empty")),
        Ok(Next::TooLong) => return Err(TapeError::foreign(path, "its first line has no end")),
        Ok(Next::Line | Next::Part) => {}
    }
    if !text::is_json(line) {
        return Err(TapeError::foreign(path, "its first line is no JSON"));
    }
    version::check(path, line)?;
    head::read(line).map_err(|why| TapeError::foreign(path, why))
}

/// Adds to what is there of a line already. The line break is not kept.
pub(in crate::tape) fn read_line(
    input: &mut impl BufRead,
    line: &mut Vec<u8>,
    max: usize,
) -> io::Result<Next> {
    loop {
        let block = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            block => block?,
        };
        if block.is_empty() {
            return Ok(if line.is_empty() { Next::End } else { Next::Part });
        }
        let end = memchr::memchr(b'\n', block);
        let part = &block[..end.unwrap_or(block.len())];
        if line.len() + part.len() > max {
            return Ok(Next::TooLong);
        }
        line.extend_from_slice(part);
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(Next::Line);
        }
    }
}
