//! Writing a tape into SQLite.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::failed::failed;
use super::insert::{Known, insert, title};
use super::open::{self, For};
use super::reader;
use crate::tape::{Entry, MAX_FRAME_BYTES, Sink, Tape, TapeError, TapeId};

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
    frames: u64,
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
        let path = path.as_ref();
        Self::begin(open::create(path)?, path, tape)
    }

    /// Begins another tape in a file of tapes.
    ///
    /// # Errors
    ///
    /// It is no such file, others may read or write it, or it holds this tape already.
    pub fn add_to(path: impl AsRef<Path>, tape: &Tape) -> Result<Self, TapeError> {
        let path = path.as_ref();
        Self::begin(open::open(path, For::Writing)?, path, tape)
    }

    /// Goes on with a tape.
    ///
    /// # Errors
    ///
    /// As [`add_to`](Self::add_to); there is no such tape.
    pub fn resume(path: impl AsRef<Path>, id: &TapeId) -> Result<Self, TapeError> {
        let path = path.as_ref();
        let db = open::open(path, For::Writing)?;
        let (number, tape) = reader::title(&db, path, Some(id))?;
        let last =
            db.query_row("SELECT max(frame) FROM recordings WHERE tape = ?", [number], |row| row.get(0));
        let last: Option<i64> = last.map_err(|error| failed(path, error))?;
        let frames = last.and_then(|last| u64::try_from(last).ok()).unwrap_or(0);
        Self::new(db, path, number, tape, frames)
    }

    fn begin(db: Connection, path: &Path, tape: &Tape) -> Result<Self, TapeError> {
        let sql = "INSERT INTO tapes (tape_id, session_id, created_at, metadata) VALUES (?, ?, 0, '{}')";
        let made = db.execute(sql, params![tape.id.as_str(), tape.session.as_deref()]);
        made.map_err(|error| failed(path, error))?;
        let number = db.last_insert_rowid();
        let mut writer = Self::new(db, path, number, tape.clone(), 0)?;
        writer.changed = true;
        writer.commit()?;
        Ok(writer)
    }

    fn new(db: Connection, path: &Path, number: i64, tape: Tape, frames: u64) -> Result<Self, TapeError> {
        let set = || -> rusqlite::Result<()> {
            db.pragma_update(None, "synchronous", "normal")?;
            db.pragma_update(None, "temp_store", "memory")?;
            // What is removed is not to be found in the file's free pages.
            db.pragma_update(None, "secure_delete", true)
        };
        set().map_err(|error| failed(path, error))?;
        let (path, known) = (path.to_owned(), Known::default());
        let (waiting, bytes, due) = (Vec::new(), 0, None);
        Ok(Self { db, path, number, tape, changed: false, frames, waiting, bytes, due, known })
    }

    /// Whether [`commit`](Sink::commit) waits until the disk has it, so that it survives a power failure too. Off by
    /// default.
    ///
    /// # Errors
    ///
    /// SQLite refuses.
    pub fn durable(self, durable: bool) -> Result<Self, TapeError> {
        let level = if durable { "full" } else { "normal" };
        self.db.pragma_update(None, "synchronous", level).map_err(|error| failed(&self.path, error))?;
        Ok(self)
    }

    /// The number of the last frame, those in memory included.
    pub fn frames(&self) -> u64 {
        self.frames + self.waiting.len() as u64
    }

    /// Writes what waits in one transaction, or nothing.
    fn flush(&mut self) -> Result<(), TapeError> {
        if let Err(error) = self.try_flush() {
            // It was rolled back, and so was what was new in it.
            self.known = Known::default();
            // Tried again later, not at once.
            self.due = self.due.map(|_| Instant::now() + PATIENCE);
            return Err(failed(&self.path, error));
        }
        self.frames += self.waiting.len() as u64;
        self.waiting.clear();
        (self.bytes, self.due, self.changed) = (0, None, false);
        Ok(())
    }

    fn try_flush(&mut self) -> rusqlite::Result<()> {
        if self.waiting.is_empty() && !self.changed {
            return Ok(());
        }
        let all = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
        if self.changed {
            title(&all, self.number, &self.tape)?;
        }
        for (entry, frame) in self.waiting.iter().zip(self.frames + 1..) {
            insert(&all, self.number, frame, entry, &mut self.known, &self.tape)?;
        }
        all.commit()
    }
}

impl Sink for Writer {
    fn append(&mut self, entry: &Entry) -> Result<(), TapeError> {
        if entry.bytes.len() > MAX_FRAME_BYTES {
            return Err(TapeError::too_large(self.path.display(), MAX_FRAME_BYTES));
        }
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
        Ok(())
    }

    fn update(&mut self, tape: &Tape) -> Result<(), TapeError> {
        if self.tape != *tape {
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
}

impl Drop for Writer {
    /// As a process that ends in good order does; who wants to know whether it went well commits.
    fn drop(&mut self) {
        let _ = self.flush();
    }
}
