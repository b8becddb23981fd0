//! Reading JSON Lines.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::chain::{Chain, split};
use super::line::{LineKind, Next, first_line, follows, read_line};
use crate::key::Hash;
use crate::tape::pack::{Input, is_torn};
use crate::tape::{
    Entry, MAX_FRAME_BYTES, OpenOptions, Source, Tape, TapeError, frame, head, object::Style, text,
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
pub struct Reader {
    input: Input,
    path: PathBuf,
    tape: Tape,
    asked: OpenOptions,
    line: Vec<u8>,
    /// Lines that were read.
    lines: u64,
    frame: Option<u64>,
    chain: Option<Chain>,
    /// Its first line has a MAC, whether it is looked at or not.
    has_chain: bool,
    follow: bool,
    max: usize,
    torn_lines: u64,
    finished: bool,
    failed: bool,
}

/// Whoever has a key expects that only its owners could have written the tape.
pub(in crate::tape) const NOT_SEALED: &str = "it is not encrypted; if that is right, open it without the key";

impl Reader {
    /// Opens a tape.
    ///
    /// # Errors
    ///
    /// It cannot be read, is no such tape, or of another version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TapeError> {
        Self::open_with(path, &OpenOptions::new())
    }

    /// Opens a tape with its keys, if it may be read.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); a key is missing or wrong; it may not be read.
    pub fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self, TapeError> {
        let path = path.as_ref();
        options.guard(path, |found| Self::of(found.file(path)?, path, options), |reader| &reader.tape)
    }

    /// Of a file that may be read.
    pub(in crate::tape) fn of(file: File, path: &Path, options: &OpenOptions) -> Result<Self, TapeError> {
        let key = options.sealed_by();
        let mut input = Input::open(file, path, key, u64::MAX)?;
        if key.is_some() && !input.is_sealed() {
            return Err(TapeError::key(path, NOT_SEALED));
        }
        let mut line = Vec::new();
        let (tape, _) = first_line(&mut input, &mut line, path)?;
        let has_chain = split(&line).is_some();
        let mut chain = options.keys.chain.as_ref().map(Chain::new);
        if let Some(chain) = &mut chain {
            let damaged = |why| TapeError::damaged(format_args!("{}:1", path.display()), why);
            chain.check(&line, true).map_err(damaged)?;
        }
        Ok(Self {
            input,
            path: path.to_owned(),
            tape,
            asked: options.asking(),
            line: Vec::new(),
            lines: 1,
            frame: None,
            chain,
            has_chain,
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

    pub(crate) fn has_chain(&self) -> bool {
        self.has_chain
    }

    /// Whether its recorder has ended the tape, as far as it was read.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// How many lines were torn by crashes that the recorder came back from, as far as it was read.
    pub fn torn_lines(&self) -> u64 {
        self.torn_lines
    }

    /// The MAC that its first line follows, if it is read with the key of a chain.
    pub(super) fn chain_began(&self) -> Option<Hash> {
        self.chain.as_ref().map(|chain| chain.began)
    }

    /// The last MAC that was read.
    pub(super) fn chain_tip(&self) -> Option<Hash> {
        self.chain.as_ref().map(|chain| chain.tip)
    }

    fn step(&mut self) -> Option<Result<Entry, TapeError>> {
        loop {
            match read_line(&mut self.input, &mut self.line, self.max) {
                Err(error) if self.follow && is_torn(&error) => return None,
                Err(error) => return Some(Err(TapeError::reading(&self.path, error))),
                Ok(Next::TooLong) => return Some(Err(TapeError::above_limit(self.place(), self.max))),
                Ok(Next::End) => return self.cut_off(),
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

    /// The end of a sealed tape cannot be left out unnoticed.
    fn cut_off(&self) -> Option<Result<Entry, TapeError>> {
        let is_cut = self.input.is_sealed() && !self.finished && !self.follow;
        is_cut.then(|| Err(TapeError::torn(self.place(), "it was not finished, or its end was cut off")))
    }

    fn take(&mut self) -> Result<Option<Entry>, TapeError> {
        let line = std::mem::take(&mut self.line);
        let taken = self.understand(&line);
        self.line = line;
        taken
    }

    fn understand(&mut self, line: &[u8]) -> Result<Option<Entry>, TapeError> {
        let place = format!("{}:{}", self.path.display(), self.lines);
        let damaged = |why| TapeError::damaged(&place, why);
        if !text::is_json(line) {
            return Err(damaged("it is no JSON".into()));
        }
        if let Some(chain) = &mut self.chain
            && let Err(why) = chain.check(line, false)
        {
            return Err(damaged(why.into()));
        }
        self.finished = false;
        match LineKind::of(line) {
            LineKind::Frame => {
                let (number, entry) = frame::read(line, Style::Line).map_err(damaged)?;
                follows(self.frame, number).map_err(|why| damaged(why.into()))?;
                self.frame = number;
                return Ok(Some(entry));
            }
            LineKind::Title => self.learn(head::read(line).map_err(damaged)?)?,
            LineKind::Version => {
                return Err(damaged("another tape begins here; files are not to be joined".into()));
            }
            LineKind::End => self.finished = true,
            LineKind::Torn => self.torn_lines += 1,
            LineKind::Other => {}
        }
        Ok(None)
    }

    /// It may be known only now that it may not be read.
    fn learn(&mut self, tape: Tape) -> Result<(), TapeError> {
        if tape != self.tape {
            self.asked.learned(&self.path, &tape)?;
            self.tape = tape;
        }
        Ok(())
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

impl fmt::Debug for Reader {
    /// Without the line that it is at.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("path", &self.path)
            .field("tape", &self.tape)
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}
