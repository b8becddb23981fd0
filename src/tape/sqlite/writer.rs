//! Writing a tape into SQLite.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use super::failed::failed;
use super::find;
use super::insert::{add, insert, title};
use super::known::Known;
use super::open::{self, For};
use crate::tape::rotating::Before;
use crate::tape::{Entry, MAX_FRAME_BYTES, Sink, Tape, TapeError, TapeId, name};

/// So many entries, bytes and so much time are worth a commit.
const ENTRIES: usize = 64;
const BYTES: usize = 4 << 20;
const PATIENCE: Duration = Duration::from_millis(20);

/// Writes a tape into a file in SQLite. Entries wait in memory until a commit: 64 of them, 4 MiB or 20 ms.
///
/// ```
/// use shadowcat::tape::{self, Entry, Sink, Tape, sqlite};
/// use shadowcat::{Direction, JsonRpcMessage};
///
/// # let folder = std::env::temp_dir().join(format!("shadowcat-writer-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let (morning, evening) = (Tape::new()?, Tape::new()?);
/// let ping = Entry::message(&JsonRpcMessage::request(1, "ping", "{}")?, Direction::ToUpstream);
/// let mut tape = sqlite::Writer::create(folder.join("day.db"), &morning)?;
/// tape.append(&ping)?;
/// tape.finish()?;
/// drop(tape);
///
/// sqlite::Writer::add_to(folder.join("day.db"), &evening)?.finish()?;
/// assert_eq!(sqlite::tapes(folder.join("day.db"))?, [morning.id.clone(), evening.id]);
/// assert_eq!(sqlite::Reader::open_tape(folder.join("day.db"), &morning.id)?.count(), 1);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Writer {
    db: Connection,
    path: PathBuf,
    number: i64,
    tape: Tape,
    /// The tape's row is to be written again.
    changed: bool,
    /// What stands in the files before.
    before: Before,
    frames: u64,
    /// When the last entry was said, those in memory included.
    at: Option<Duration>,
    /// Bytes of the file when something was last committed.
    size: u64,
    waiting: Vec<Entry>,
    bytes: usize,
    due: Option<Instant>,
    known: Known,
}

impl Writer {
    /// Makes the file, with mode 0600, and a tape in it.
    ///
    /// # Errors
    ///
    /// It exists, or cannot be made.
    pub fn create(path: impl AsRef<Path>, tape: &Tape) -> Result<Self, TapeError> {
        Self::create_after(path.as_ref(), tape, Before::default())
    }

    /// A part of a tape, after others.
    pub(in crate::tape) fn create_after(path: &Path, tape: &Tape, before: Before) -> Result<Self, TapeError> {
        open::create(path, |db| Self::begin(db, path, tape, before))
    }

    /// Begins another tape in a file of tapes.
    ///
    /// # Errors
    ///
    /// It is no such file, others may read or write it, or it holds this tape already.
    pub fn add_to(path: impl AsRef<Path>, tape: &Tape) -> Result<Self, TapeError> {
        let path = path.as_ref();
        Self::begin(open::open(path, For::Writing)?, path, tape, Before::default())
    }

    /// Goes on with a tape.
    ///
    /// # Errors
    ///
    /// As [`add_to`](Self::add_to); there is no such tape. That somebody else goes on with it too is told by
    /// [`commit`](Sink::commit), to whoever writes second.
    pub fn resume(path: impl AsRef<Path>, id: &TapeId) -> Result<Self, TapeError> {
        Self::go_on(path.as_ref(), Some(id))
    }

    /// Goes on with the only tape of a file.
    pub(in crate::tape) fn resume_only(path: &Path) -> Result<Self, TapeError> {
        Self::go_on(path, None)
    }

    fn go_on(path: &Path, id: Option<&TapeId>) -> Result<Self, TapeError> {
        let db = open::open(path, For::Writing)?;
        let (number, tape) = find::tape(&db, path, id)?;
        let before = find::before(&db, number).map_err(|error| failed(path, error))?;
        let reached = find::reached(&db, path, number, before)?;
        let mut writer = Self::new(db, path, number, tape, before)?;
        (writer.frames, writer.at) = (reached.frames, reached.at);
        writer.size = find::size(&writer.db).map_err(|error| failed(path, error))?;
        Ok(writer)
    }

    fn begin(db: Connection, path: &Path, tape: &Tape, before: Before) -> Result<Self, TapeError> {
        name::check_title(tape, path)?;
        let number = add(&db, tape, &before).map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => {
                let exists = io::Error::new(io::ErrorKind::AlreadyExists, "it holds such a tape already");
                TapeError::io(path.display(), exists)
            }
            _ => failed(path, error),
        })?;
        let full = || TapeError::damaged(path.display(), "no other tape fits behind the last of it");
        let number = number.ok_or_else(full)?;
        Self::new(db, path, number, tape.clone(), before)
    }

    fn new(db: Connection, path: &Path, number: i64, tape: Tape, before: Before) -> Result<Self, TapeError> {
        let set = || -> rusqlite::Result<()> {
            db.pragma_update(None, "synchronous", "normal")?;
            db.pragma_update(None, "temp_store", "memory")?;
            // Looked up for each row; what a row names is written before it.
            db.pragma_update(None, "foreign_keys", false)?;
            // What is removed is not to be found in the file's free pages.
            db.pragma_update(None, "secure_delete", true)
        };
        set().map_err(|error| failed(path, error))?;
        let Before { frames, at, .. } = before;
        Ok(Self {
            db,
            path: path.to_owned(),
            number,
            tape,
            changed: false,
            before,
            frames,
            at,
            size: 0,
            waiting: Vec::new(),
            bytes: 0,
            due: None,
            known: Known::default(),
        })
    }

    /// Whether [`commit`](Sink::commit) waits until the disk has it, so that it survives a power failure too. Off by
    /// default.
    ///
    /// # Errors
    ///
    /// SQLite refuses.
    pub fn durable(self, durable: bool) -> Result<Self, TapeError> {
        self.synchronous(durable)?;
        Ok(self)
    }

    pub(super) fn synchronous(&self, durable: bool) -> Result<(), TapeError> {
        let level = if durable { "full" } else { "normal" };
        self.db.pragma_update(None, "synchronous", level).map_err(|error| failed(&self.path, error))
    }

    /// What is known of the tape.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// The number of the last frame, those in memory included.
    pub fn frames(&self) -> u64 {
        self.frames + self.waiting.len() as u64
    }

    pub(super) fn before(&self) -> Before {
        self.before
    }

    /// With what waits in memory.
    pub(super) fn file_bytes(&self) -> u64 {
        self.size + self.bytes as u64
    }

    /// Writes what waits in one transaction, or nothing.
    fn flush(&mut self) -> Result<(), TapeError> {
        if let Err(error) = self.try_flush() {
            // It was rolled back, and so was what was new in it.
            self.known = Known::default();
            // Tried again later, not at once.
            self.due = self.due.map(|_| Instant::now() + PATIENCE);
            return Err(error);
        }
        self.frames += self.waiting.len() as u64;
        self.waiting.clear();
        (self.bytes, self.due, self.changed) = (0, None, false);
        Ok(())
    }

    fn try_flush(&mut self) -> Result<(), TapeError> {
        if self.waiting.is_empty() && !self.changed {
            return Ok(());
        }
        self.write().map_err(|error| failed(&self.path, error))?
    }

    /// Not where somebody else has written to the same tape: a file is locked, a tape in it is not.
    fn write(&mut self) -> rusqlite::Result<Result<(), TapeError>> {
        let all = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
        if !find::is_there(&all, self.number, &self.tape.id)? {
            return Ok(Err(TapeError::removed(&self.path, &self.tape.id)));
        }
        let last = find::last(&all, self.number)?.max(self.before.frames.cast_signed());
        if last != self.frames.cast_signed() {
            return Ok(Err(TapeError::busy(&self.path)));
        }
        if self.changed {
            title(&all, self.number, &self.tape, &self.before)?;
        }
        insert(&all, self.number, last + 1, &self.waiting, &mut self.known, &self.tape)?;
        let size = find::size(&all)?;
        all.commit()?;
        self.size = size;
        Ok(Ok(()))
    }

    /// Whether a reader takes it.
    fn takes(&self, entry: &Entry) -> Result<(), TapeError> {
        if entry.bytes.len() > MAX_FRAME_BYTES {
            return Err(TapeError::too_large(self.path.display(), MAX_FRAME_BYTES));
        }
        name::check(entry, &self.path)
    }
}

impl Sink for Writer {
    fn append(&mut self, entry: &Entry) -> Result<(), TapeError> {
        self.takes(entry)?;
        self.waiting.push(entry.clone());
        self.bytes += entry.bytes.len();
        let due = *self.due.get_or_insert_with(|| Instant::now() + PATIENCE);
        let is_enough = self.waiting.len() >= ENTRIES || self.bytes >= BYTES;
        if (is_enough || Instant::now() >= due)
            && let Err(error) = self.flush()
        {
            self.waiting.pop();
            self.bytes -= entry.bytes.len();
            return Err(error);
        }
        self.at = Some(entry.at);
        Ok(())
    }

    fn update(&mut self, tape: &Tape) -> Result<(), TapeError> {
        if self.tape != *tape {
            name::check_title(tape, &self.path)?;
            self.tape = Tape { id: self.tape.id.clone(), ..tape.clone() };
            self.changed = true;
            self.due.get_or_insert_with(|| Instant::now() + PATIENCE);
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), TapeError> {
        self.flush()
    }

    fn due(&self) -> Option<Instant> {
        self.due
    }

    /// All is in the file itself afterwards, as far as no reader is in the way.
    fn finish(&mut self) -> Result<(), TapeError> {
        self.flush()?;
        let checkpoint = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        checkpoint.map_err(|error| failed(&self.path, error))
    }

    fn last_at(&self) -> Option<Duration> {
        self.at
    }
}

impl Drop for Writer {
    /// As a process that ends in good order does; who wants to know whether it went well commits.
    fn drop(&mut self) {
        let _ = self.flush();
    }
}
