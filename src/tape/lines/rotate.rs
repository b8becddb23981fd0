//! A tape in several files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::Writer;
use crate::tape::{Entry, Sink, Tape, TapeError};

/// When a new file begins, and how long old ones are kept.
///
/// ```
/// use std::time::Duration;
/// use shadowcat::tape::lines::Rotate;
///
/// let rotate = Rotate::new().max_bytes(64 << 20).max_age(Duration::from_secs(3600)).keep_files(24);
/// ```
#[derive(Clone, Debug)]
pub struct Rotate {
    max_bytes: u64,
    max_age: Option<Duration>,
    keep_files: Option<usize>,
    keep_for: Option<Duration>,
}

impl Rotate {
    /// At 1 GiB, whatever its age; every file is kept.
    pub fn new() -> Self {
        Self { max_bytes: 1 << 30, max_age: None, keep_files: None, keep_for: None }
    }

    /// Bytes of one file; it is ended before it would be larger, unless a single entry is.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How long a file is written to.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// How many files are kept, at least the one that is written to: the oldest are removed.
    pub fn keep_files(mut self, files: usize) -> Self {
        self.keep_files = Some(files.max(1));
        self
    }

    /// How long files are kept after they were last written to.
    pub fn keep_for(mut self, time: Duration) -> Self {
        self.keep_for = Some(time);
        self
    }
}

impl Default for Rotate {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes a tape to files `NAME.000001.jsonl`, `NAME.000002.jsonl` and so on. Each is a tape of its own with all that
/// is known of the whole; frames are numbered on.
///
/// ```
/// use shadowcat::tape::{Entry, EntryKind, Sink, Tape, lines::{Reader, Rotate, Rotating}};
/// use shadowcat::Direction;
///
/// # let folder = std::env::temp_dir().join(format!("shadowcat-rotate-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let rotate = Rotate::new().max_bytes(1_000).keep_files(2);
/// let mut tape = Rotating::create(folder.join("day"), &Tape::new()?, rotate)?;
/// for _ in 0..20 {
///     tape.append(&Entry::new(EntryKind::Note, Direction::ToClient, "something happened"))?;
/// }
/// tape.finish()?;
/// assert_eq!(std::fs::read_dir(&folder)?.count(), 2);
/// assert!(Reader::open(tape.path())?.next().unwrap().is_ok());
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Rotating {
    base: PathBuf,
    rotate: Rotate,
    writer: Writer,
    part: u32,
    path: PathBuf,
    began: Instant,
    /// Frames of the parts before.
    before: u64,
    durable: bool,
}

impl Rotating {
    /// Makes the first file.
    ///
    /// # Errors
    ///
    /// There is a file of that name, or it cannot be made.
    pub fn create(base: impl AsRef<Path>, tape: &Tape, rotate: Rotate) -> Result<Self, TapeError> {
        let base = base.as_ref().to_owned();
        let path = name(&base, 1);
        let writer = Writer::create(&path, &of_part(tape, 1))?;
        Ok(Self { base, rotate, writer, part: 1, path, began: Instant::now(), before: 0, durable: false })
    }

    /// As [`Writer::durable`].
    pub fn durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self.writer = self.writer.durable(durable);
        self
    }

    /// The file that is written to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the last frame.
    pub fn frames(&self) -> u64 {
        self.writer.frames()
    }

    fn is_full(&self, entry: &Entry) -> bool {
        // What stands around the bytes, in all likelihood.
        let more = entry.bytes.len() as u64 + 256;
        let is_old = self.rotate.max_age.is_some_and(|age| self.began.elapsed() >= age);
        is_old || self.writer.bytes() + more > self.rotate.max_bytes
    }

    /// The new file is there before the old one is left.
    fn next_part(&mut self) -> Result<(), TapeError> {
        let (part, frames) = (self.part + 1, self.writer.frames());
        let path = name(&self.base, part);
        self.writer.commit()?;
        let tape = of_part(self.writer.tape(), part);
        let next = Writer::create_after(&path, &tape, frames)?.durable(self.durable);
        let mut old = std::mem::replace(&mut self.writer, next);
        (self.part, self.path, self.began, self.before) = (part, path, Instant::now(), frames);
        old.finish()?;
        self.forget();
        Ok(())
    }

    /// Removes what is not to be kept any longer; what cannot be removed is tried again with the next file.
    fn forget(&self) {
        let oldest = self.rotate.keep_files.map_or(0, |files| i64::from(self.part) - files as i64);
        for part in (1..self.part).rev() {
            let path = name(&self.base, part);
            let Ok(facts) = fs::symlink_metadata(&path) else { break };
            let age = facts.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
            let is_old = self.rotate.keep_for.is_some_and(|keep| age.is_some_and(|age| age > keep));
            if (is_old || i64::from(part) <= oldest)
                && let Err(error) = fs::remove_file(&path)
            {
                tracing::warn!(path = %path.display(), %error, "an old part of a tape cannot be removed");
            }
        }
    }
}

impl Sink for Rotating {
    fn append(&mut self, entry: &Entry) -> Result<(), TapeError> {
        if self.writer.frames() > self.before && self.is_full(entry) {
            self.next_part()?;
        }
        self.writer.append(entry)
    }

    fn update(&mut self, tape: &Tape) -> Result<(), TapeError> {
        self.writer.update(&of_part(tape, self.part))
    }

    fn commit(&mut self) -> Result<(), TapeError> {
        self.writer.commit()
    }

    fn due(&self) -> Option<Instant> {
        self.writer.due()
    }

    fn finish(&mut self) -> Result<(), TapeError> {
        self.writer.finish()
    }
}

fn of_part(tape: &Tape, part: u32) -> Tape {
    let mut tape = tape.clone();
    tape.part = Some(part);
    tape
}

fn name(base: &Path, part: u32) -> PathBuf {
    let mut name = base.as_os_str().to_owned();
    name.push(format!(".{part:06}.jsonl"));
    name.into()
}
