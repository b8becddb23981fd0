//! A tape in several files.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::parts::{self, Part, name};
use super::{Options, Reader, Rotate, Writer};
use crate::tape::{Entry, Sink, Source, Tape, TapeError};

/// Between two attempts to make a file.
const RETRY: Duration = Duration::from_secs(10);
/// Between two looks for files that are too old, at least and at most.
const LOOKS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(60)];

/// Writes a tape to files `NAME.000001.jsonl`, `NAME.000002.jsonl` and so on; compressed ones end with `.jsonl.zst`,
/// encrypted ones with `.jsonl.sealed`. Each is a tape of its own with all that is known of the whole; frames are
/// numbered on, and so is a chain. A number that somebody else has taken is passed over.
///
/// Where no new file can be made, the old one is gone on with, and a new one is tried every ten seconds.
///
/// ```
/// use shadowcat::tape::{Entry, EntryKind, Sink, Tape, lines::{Options, Reader, Rotate, Rotating}};
/// use shadowcat::Direction;
///
/// # let folder = std::env::temp_dir().join(format!("shadowcat-rotate-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let rotate = Rotate::new().max_bytes(1_000).keep_files(2);
/// let mut tape = Rotating::create(folder.join("day"), &Tape::new()?, rotate.clone())?;
/// for _ in 0..20 {
///     tape.append(&Entry::new(EntryKind::Note, Direction::ToClient, "something happened"))?;
/// }
/// drop(tape);
///
/// let mut tape = Rotating::resume(folder.join("day"), rotate, Options::new())?; // after a crash, say
/// assert_eq!(tape.frames(), 20);
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
    options: Options,
    writer: Writer,
    part: u32,
    path: PathBuf,
    began: Instant,
    /// Frames of the parts before.
    before: u64,
    /// No new file could be made: when it is tried again.
    retry: Option<Instant>,
    /// When files that are too old were looked for.
    looked: Instant,
}

impl Rotating {
    /// Makes the first file.
    ///
    /// # Errors
    ///
    /// There is a part of that name, or it cannot be made.
    pub fn create(base: impl AsRef<Path>, tape: &Tape, rotate: Rotate) -> Result<Self, TapeError> {
        Self::create_with(base, tape, rotate, Options::new())
    }

    /// Makes the first file, packed and bound as the options say; so will the others be.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn create_with(
        base: impl AsRef<Path>,
        tape: &Tape,
        rotate: Rotate,
        options: Options,
    ) -> Result<Self, TapeError> {
        let base = base.as_ref();
        if let Some(part) = parts::find(base)?.first() {
            return Err(TapeError::io(part.path.display(), std::io::ErrorKind::AlreadyExists.into()));
        }
        let path = name(base, 1, options.suffix());
        let writer = Writer::create_with(&path, &of_part(tape, 1), &options)?;
        Ok(Self::of(base, rotate, options, writer, Part { number: 1, path }))
    }

    fn of(base: &Path, rotate: Rotate, options: Options, writer: Writer, part: Part) -> Self {
        let (base, part, path, now) = (base.to_owned(), part.number, part.path, Instant::now());
        Self { base, rotate, options, writer, part, path, began: now, before: 0, retry: None, looked: now }
    }

    /// Goes on with a tape, in its newest file. A file that a crash left with nothing in it is removed.
    ///
    /// # Errors
    ///
    /// There is no part of that name; as [`Writer::resume_with`] for the newest.
    pub fn resume(base: impl AsRef<Path>, rotate: Rotate, options: Options) -> Result<Self, TapeError> {
        let base = base.as_ref();
        let mut parts = parts::find(base)?;
        let mut empty = Vec::new();
        while parts.last().is_some_and(|part| facts(part).is_some_and(|facts| facts.len() == 0)) {
            empty.extend(parts.pop());
        }
        let Some(part) = parts.pop() else {
            return Err(TapeError::io(base.display(), std::io::ErrorKind::NotFound.into()));
        };
        let began = facts(&part).and_then(|facts| began(&facts));
        let writer = Writer::resume_with(&part.path, &options)?;
        // Nobody else writes to the tape now.
        for part in empty {
            fs::remove_file(&part.path).map_err(|error| TapeError::io(part.path.display(), error))?;
        }
        let before = writer.frames_before();
        let mut rotating = Self { before, ..Self::of(base, rotate, options, writer, part) };
        rotating.began = began.unwrap_or(rotating.began);
        rotating.forget(0);
        Ok(rotating)
    }

    /// As [`Writer::durable`].
    pub fn durable(mut self, durable: bool) -> Self {
        self.options = self.options.durable(durable);
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

    /// The old file has its end before there is a new one, so that the chain goes on from there. What need not be kept
    /// goes before that: the disk may be full.
    fn next_part(&mut self) -> Result<(), TapeError> {
        self.forget(1);
        self.writer.end()?;
        match self.make_part() {
            Ok((writer, part)) => {
                self.before = writer.frames();
                (self.writer, self.part, self.path) = (writer, part.number, part.path);
                (self.began, self.retry) = (Instant::now(), None);
                self.forget(0);
            }
            Err(error) => {
                tracing::warn!(%error, "the next part of a tape cannot be made; the last one is gone on with");
                self.retry = Some(Instant::now() + RETRY);
            }
        }
        Ok(())
    }

    /// Behind all that has the name of a part, so that it is found as the newest.
    fn make_part(&self) -> Result<(Writer, Part), TapeError> {
        let newest = parts::find(&self.base)?.last().map_or(0, |part| part.number).max(self.part);
        let none = || TapeError::damaged(self.base.display(), "no number is left for another part");
        let number = newest.checked_add(1).ok_or_else(none)?;
        let path = name(&self.base, number, self.options.suffix());
        let tape = of_part(self.writer.tape(), number);
        let (frames, tip) = (self.writer.frames(), self.writer.tip());
        let writer = Writer::create_after(&path, &tape, &self.options, frames, tip)?;
        Ok((writer, Part { number, path }))
    }

    /// Removes what is not to be kept any longer, with so many files to come; what cannot be removed is tried again
    /// with the next file.
    fn forget(&self, to_come: usize) {
        let parts = parts::find(&self.base).unwrap_or_default();
        let (mut files, mut bytes) = (to_come, 0);
        for part in parts.iter().rev() {
            let Some(facts) = facts(part) else { continue };
            (files, bytes) = (files + 1, bytes + facts.len());
            let is_old = part.number < self.part && self.rotate.forgets(age(&facts), files, bytes);
            if is_old
                && self.is_ours(part)
                && let Err(error) = fs::remove_file(&part.path)
            {
                tracing::warn!(path = %part.path.display(), %error, "an old part of a tape cannot be removed");
            }
        }
    }

    /// Files grow old also while there is no new one.
    fn forget_old(&mut self) {
        let Some(time) = self.rotate.keep_for else { return };
        if self.looked.elapsed() >= time.clamp(LOOKS[0], LOOKS[1]) {
            self.forget(0);
            self.looked = Instant::now();
        }
    }

    fn is_ours(&self, part: &Part) -> bool {
        let title = Reader::open_with(&part.path, &self.options.to_open());
        title.is_ok_and(|found| {
            found.tape().id == self.writer.tape().id && found.tape().part == Some(part.number)
        })
    }
}

/// Of a regular file.
fn facts(part: &Part) -> Option<Metadata> {
    fs::symlink_metadata(&part.path).ok().filter(Metadata::is_file)
}

/// Since it was last written to.
fn age(facts: &Metadata) -> Option<Duration> {
    SystemTime::now().duration_since(facts.modified().ok()?).ok()
}

/// When it was made, where the file system knows.
fn began(facts: &Metadata) -> Option<Instant> {
    let age = SystemTime::now().duration_since(facts.created().ok()?).ok()?;
    Instant::now().checked_sub(age)
}

impl Sink for Rotating {
    fn append(&mut self, entry: &Entry) -> Result<(), TapeError> {
        let may = self.retry.is_none_or(|retry| retry <= Instant::now());
        if may && self.writer.frames() > self.before && self.is_full(entry) {
            self.next_part()?;
        }
        self.writer.append(entry)
    }

    fn update(&mut self, tape: &Tape) -> Result<(), TapeError> {
        self.writer.update(&of_part(tape, self.part))
    }

    fn commit(&mut self) -> Result<(), TapeError> {
        self.forget_old();
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
