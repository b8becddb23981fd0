//! A tape in several files.

mod blank;
mod forget;
mod format;
mod hold;
mod part;
mod parts;
mod rotate;
#[cfg(test)]
mod tests;

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::{Entry, Sink, Tape, TapeError};
use forget::facts;
use format::Newest;
use hold::Hold;
use parts::{Part, name};

pub use format::PartFormat;
pub(super) use part::{Before, PartWriter};
pub use rotate::Rotate;

/// Between two attempts to make a file.
const RETRY: Duration = Duration::from_secs(10);

/// Writes a tape to files `NAME.000001.jsonl`, `NAME.000002.jsonl` and so on, or those of another
/// [format](PartFormat). Each is a tape of its own with all that is known of the whole; frames are numbered on, and so is
/// a chain. [`merge`](super::merge()) reads them as one. A number that somebody else has taken is passed over.
///
/// Where no new file can be made, the old one is gone on with, and a new one is tried every ten seconds.
///
/// On Unix one process at a time writes such a tape, whatever its format: beside its files it makes `NAME.lock`, an empty
/// file of mode 0600, and locks it until the writer is dropped, which removes it. A crash leaves it behind, and then it is
/// in nobody's way: that it is locked counts, not that it is there.
///
/// ```
/// use shadowcat::tape::{self, Entry, EntryKind, PartFormat, Rotate, Rotating, Sink, Tape};
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
/// let mut tape = Rotating::resume(folder.join("day"), rotate, PartFormat::default())?; // after a crash, say
/// assert_eq!(tape.frames(), 20);
/// tape.finish()?;
/// assert_eq!(std::fs::read_dir(&folder)?.count(), 3); // two parts, and `day.lock`
/// assert!(tape::open(tape.path())?.next().unwrap().is_ok());
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Rotating {
    base: PathBuf,
    rotate: Rotate,
    format: PartFormat,
    durable: Option<bool>,
    writer: Box<dyn PartWriter>,
    part: u32,
    path: PathBuf,
    began: Instant,
    /// No new file could be made: when it is tried again.
    retry: Option<Instant>,
    /// When files that are too old were looked for.
    looked: Instant,
    /// The last to go: nobody else writes to the tape until all else is dropped.
    _hold: Hold,
}

impl Rotating {
    /// Makes the first file, of JSON Lines. Files that a crash left with nothing in them are removed.
    ///
    /// # Errors
    ///
    /// There is a part of that name with something in it, or it cannot be made; somebody is writing to such a tape
    /// ([`is_busy`](TapeError::is_busy)); there is a file `NAME.lock` that is not empty, or that others may write to.
    pub fn create(base: impl AsRef<Path>, tape: &Tape, rotate: Rotate) -> Result<Self, TapeError> {
        Self::create_with(base, tape, rotate, PartFormat::default())
    }

    /// Makes the first file of this format; so will the others be.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use shadowcat::tape::{Rotate, Rotating, Sink, Tape, sqlite};
    ///
    /// # let folder = std::env::temp_dir().join(format!("shadowcat-rotate-db-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// let rotate = Rotate::new().keep_files(10); // of 1 GiB
    /// let mut tape = Rotating::create_with(folder.join("day"), &Tape::new()?, rotate, sqlite::Options::new())?;
    /// tape.finish()?;
    /// assert!(tape.path().ends_with("day.000001.db"));
    /// # std::fs::remove_dir_all(&folder)?;
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn create_with(
        base: impl AsRef<Path>,
        tape: &Tape,
        rotate: Rotate,
        format: impl Into<PartFormat>,
    ) -> Result<Self, TapeError> {
        let (base, format) = (base.as_ref(), format.into());
        let hold = Hold::take(base)?;
        let (parts, blank) = blank::find(base, &format)?;
        if let Some(part) = parts.first() {
            return Err(TapeError::io(part.path.display(), std::io::ErrorKind::AlreadyExists.into()));
        }
        blank::remove(&blank, &format)?;
        let (writer, part) = next_part(base, &format, 0, tape, Before::default())?;
        Ok(Self::of(base, rotate, format, (writer, part), hold))
    }

    fn of(
        base: &Path,
        rotate: Rotate,
        format: PartFormat,
        (writer, part): (Box<dyn PartWriter>, Part),
        hold: Hold,
    ) -> Self {
        let (base, part, path, now) = (base.to_owned(), part.number, part.path, Instant::now());
        let (durable, retry) = (None, None);
        let (began, looked) = (now, now);
        Self { base, rotate, format, durable, writer, part, path, began, retry, looked, _hold: hold }
    }

    /// Goes on with a tape, in its newest file. A file that a crash left with nothing in it is removed.
    ///
    /// # Errors
    ///
    /// There is no part of that name with something in it; the newest cannot be gone on with: it is of another format, or
    /// needs a key; somebody is writing to the tape ([`is_busy`](TapeError::is_busy)); the lock is as in
    /// [`create`](Self::create).
    pub fn resume(
        base: impl AsRef<Path>,
        rotate: Rotate,
        format: impl Into<PartFormat>,
    ) -> Result<Self, TapeError> {
        let (base, format) = (base.as_ref(), format.into());
        let hold = Hold::take(base)?;
        let (mut parts, blank) = blank::find(base, &format)?;
        let Some(part) = parts.pop() else {
            return Err(TapeError::io(base.display(), std::io::ErrorKind::NotFound.into()));
        };
        let newest = format.resume(&part)?;
        let began = facts(&part).and_then(|facts| began(&facts));
        blank::remove(&blank, &format)?;
        let (writer, part, began) = match newest {
            Newest::Open(writer) => (writer, part, began),
            Newest::Whole(tape, before) => {
                let (writer, part) = next_part(base, &format, part.number, &tape, before)?;
                (writer, part, None)
            }
        };
        let mut rotating = Self::of(base, rotate, format, (writer, part), hold);
        rotating.began = began.unwrap_or(rotating.began);
        rotating.forget(0);
        Ok(rotating)
    }

    /// Whether [`commit`](Sink::commit) waits until the disk has it, so that it survives a power failure too. Off by
    /// default, unless the [options](super::lines::Options::durable) of the format say otherwise.
    ///
    /// # Errors
    ///
    /// SQLite refuses.
    pub fn durable(mut self, durable: bool) -> Result<Self, TapeError> {
        self.writer.set_durable(durable)?;
        self.durable = Some(durable);
        Ok(self)
    }

    /// What is known of the tape, this file's number included.
    pub fn tape(&self) -> &Tape {
        self.writer.tape()
    }

    /// The file that is written to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the last frame.
    pub fn frames(&self) -> u64 {
        self.writer.reached().frames
    }

    fn is_full(&self, entry: &Entry) -> bool {
        // What stands around the bytes, in all likelihood.
        let more = entry.bytes.len() as u64 + 256;
        let is_old = self.rotate.max_age.is_some_and(|age| self.began.elapsed() >= age);
        is_old || self.writer.bytes() + more > self.rotate.max_bytes
    }

    /// The old file has its end before there is a new one, so that the chain goes on from there. What need not be kept
    /// goes before that: the disk may be full.
    fn go_on(&mut self) -> Result<(), TapeError> {
        self.forget(1);
        self.writer.end()?;
        match self.make_part() {
            Ok((writer, part)) => {
                if let Err(error) = self.writer.close() {
                    tracing::warn!(%error, "a part of a tape has no end");
                }
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
    fn make_part(&self) -> Result<(Box<dyn PartWriter>, Part), TapeError> {
        let newest = parts::find(&self.base)?.last().map_or(0, |part| part.number).max(self.part);
        let (tape, before) = (self.writer.tape(), self.writer.reached());
        let (mut writer, part) = next_part(&self.base, &self.format, newest, tape, before)?;
        self.durable.map_or(Ok(()), |durable| writer.set_durable(durable))?;
        Ok((writer, part))
    }
}

/// Makes the file that comes after this one.
fn next_part(
    base: &Path,
    format: &PartFormat,
    last: u32,
    tape: &Tape,
    before: Before,
) -> Result<(Box<dyn PartWriter>, Part), TapeError> {
    let none = || TapeError::damaged(base.display(), "no number is left for another part");
    let number = last.checked_add(1).ok_or_else(none)?;
    let path = name(base, number, format.suffix());
    Ok((format.create(&path, &of_part(tape, number), before)?, Part { number, path }))
}

/// When it was made, where the file system knows.
fn began(facts: &Metadata) -> Option<Instant> {
    let age = SystemTime::now().duration_since(facts.created().ok()?).ok()?;
    Instant::now().checked_sub(age)
}

impl Sink for Rotating {
    fn append(&mut self, entry: &Entry) -> Result<(), TapeError> {
        let may = self.retry.is_none_or(|retry| retry <= Instant::now());
        if may && !self.writer.is_empty() && self.is_full(entry) {
            self.go_on()?;
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

    fn last_at(&self) -> Option<Duration> {
        self.writer.last_at()
    }
}

fn of_part(tape: &Tape, part: u32) -> Tape {
    let mut tape = tape.clone();
    tape.part = Some(part);
    tape
}
