//! Reading one JSON document, however large.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::Elements;
use crate::protocol::peek;
use crate::tape::found::Found;
use crate::tape::lines::follows;
use crate::tape::rotating::Before;
use crate::tape::{Entry, OpenOptions, Source, Tape, TapeError, frame, head, object::Style, text, version};

/// Reads a tape that is one JSON document, one entry at a time: the document is never in memory.
///
/// ```no_run
/// use shadowcat::tape::{Source, json};
///
/// let mut tape = json::Reader::open("tests/tapes/echo.json")?;
/// println!("{}", tape.tape().id);
/// for entry in &mut tape {
///     println!("{}", entry?.kind);
/// }
/// # Ok::<(), shadowcat::tape::TapeError>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    frames: Elements,
    path: PathBuf,
    tape: Tape,
    asked: OpenOptions,
    /// What stands in the files before.
    before: Before,
    frame: Option<u64>,
    done: bool,
}

impl Reader {
    /// Opens a tape. Where `frames` stands before the rest, the document is gone through once to find the rest.
    ///
    /// # Errors
    ///
    /// It cannot be read, is no such tape, or of another version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TapeError> {
        Self::open_with(path, &OpenOptions::new())
    }

    /// Opens a tape, if it may be read. There are no keys to such a file.
    ///
    /// ```
    /// use shadowcat::tape::{OpenOptions, Sink, Tape, json};
    ///
    /// # let path = std::env::temp_dir().join(format!("shadowcat-json-with-{}.json", std::process::id()));
    /// json::Writer::create(&path, &Tape::new()?.label("team", "red"))?.finish()?;
    /// let options = OpenOptions::new().check(|tape| match tape.labels.get("team").map(String::as_str) {
    ///     Some("blue") => Ok(()),
    ///     _ => Err("it belongs to another team".to_owned()),
    /// });
    /// assert!(json::Reader::open_with(&path, &options).unwrap_err().is_refused());
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); a key is of no use here; it may not be read.
    pub fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self, TapeError> {
        let path = path.as_ref();
        let find = |found: Found| -> Result<Self, TapeError> {
            options.needs_no_key(path)?;
            Ok(Self::of(found.file(path)?, path)?.asking(options))
        };
        options.guard(path, find, |reader| &reader.tape)
    }

    /// Of a file that may be read, at its beginning.
    pub(in crate::tape) fn of(file: File, path: &Path) -> Result<Self, TapeError> {
        let (frames, title) = Elements::of(file, path, "frames", &["version", "tape_id", "metadata"])?;
        version::check(path, &title)?;
        let last = peek::member(&title, "metadata_at_end").ok().flatten();
        let tape = head::read(last.unwrap_or(&title)).map_err(|why| TapeError::foreign(path, why))?;
        let (path, before) = (path.to_owned(), Before::read(&title));
        Ok(Self { frames, path, tape, asked: OpenOptions::new(), before, frame: None, done: false })
    }

    /// Asks again what these ask when more is known of the tape.
    pub(in crate::tape) fn asking(mut self, options: &OpenOptions) -> Self {
        self.asked = options.asking();
        self
    }

    /// Bytes of one frame at most; 64 MiB by default.
    pub fn max_frame_bytes(mut self, bytes: usize) -> Self {
        self.frames.max_bytes(bytes);
        self
    }

    pub(super) fn before(&self) -> Before {
        self.before
    }

    /// The number of the last frame that was read, or of the last before it.
    pub(super) fn frames(&self) -> u64 {
        self.frame.unwrap_or(0).max(self.before.frames)
    }

    /// Bytes that were gone through.
    pub(super) fn behind(&self) -> u64 {
        self.frames.behind()
    }

    fn step(&mut self) -> Result<Option<Entry>, TapeError> {
        match self.frames.next()? {
            Some(json) => self.entry(&json).map(Some),
            None => self.end().map(|()| None),
        }
    }

    fn entry(&mut self, json: &[u8]) -> Result<Entry, TapeError> {
        let damaged = |why| TapeError::damaged(self.frames.place(), why);
        let (number, entry) = frame::read(json, Style::Pretty(0)).map_err(damaged)?;
        follows(self.frame, number).map_err(|why| damaged(why.into()))?;
        self.frame = number;
        Ok(entry)
    }

    /// What became known of the tape stands behind the frames.
    fn end(&mut self) -> Result<(), TapeError> {
        let members = self.frames.rest()?;
        let last = peek::member(&members, "metadata_at_end").ok().flatten();
        if let Some(last) = last.filter(|_| text::is_json(&members)) {
            let place = format!("{}: metadata_at_end", self.path.display());
            let tape = head::read(last).map_err(|why| TapeError::damaged(place, why))?;
            if tape != self.tape {
                self.asked.learned(&self.path, &tape)?;
                self.tape = tape;
            }
        }
        Ok(())
    }
}

impl Iterator for Reader {
    type Item = Result<Entry, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.step().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

impl Source for Reader {
    fn tape(&self) -> &Tape {
        &self.tape
    }
}
