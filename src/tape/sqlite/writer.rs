//! Writing a tape into SQLite.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::failed::failed;
use super::open::{self, For};
use super::{reader, row};
use crate::tape::object::{Object, Style};
use crate::tape::{
    Entry, EntryKind, MAX_FRAME_BYTES, Outcome, Sink, Tape, TapeError, TapeId, frame, head, time,
};

/// So many entries, bytes and so much time are worth a commit.
const ENTRIES: usize = 64;
const BYTES: usize = 4 << 20;
const PATIENCE: Duration = Duration::from_millis(20);
/// Of so many names, calls and sessions it is remembered where they stand.
const REMEMBERED: usize = 10_000;

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

/// What is in the file already.
#[derive(Debug, Default)]
struct Known {
    names: HashMap<(String, String), i64>,
    calls: HashMap<u64, i64>,
    sessions: HashSet<Arc<str>>,
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

fn title(db: &Connection, number: i64, tape: &Tape) -> rusqlite::Result<()> {
    let mut metadata = Vec::new();
    let mut object = Object::new(&mut metadata, Style::Line);
    head::metadata(&mut object, tape);
    object.end();
    let metadata = String::from_utf8_lossy(&metadata);
    let sql = "UPDATE tapes SET session_id = ?, created_at = ?, metadata = ? WHERE id = ?";
    db.execute(sql, params![tape.session.as_deref(), row::micros(tape.created), metadata, number])?;
    db.execute("DELETE FROM components WHERE tape = ?", [number])?;
    let mut add = db.prepare_cached("INSERT INTO components VALUES (?, ?, ?, ?, ?)")?;
    for part in &tape.components {
        add.execute(params![
            number,
            &*part.id,
            part.uri.as_deref(),
            part.digest.as_deref(),
            part.policy.as_deref()
        ])?;
    }
    Ok(())
}

fn insert(
    db: &Connection,
    tape: i64,
    number: u64,
    entry: &Entry,
    known: &mut Known,
    title: &Tape,
) -> rusqlite::Result<()> {
    let name = known.name(db, entry)?;
    known.session(db, tape, entry)?;
    let sql =
        "INSERT INTO recordings (tape, frame, message, message_type, direction, edge, elapsed_ns, timestamp,
        session_id, component_id, call, outcome, synthetic, name, policy)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    db.prepare_cached(sql)?.execute(params![
        tape,
        number.cast_signed(),
        &entry.bytes[..],
        entry.kind.as_str(),
        frame::direction_word(entry.direction),
        entry.edge.as_str(),
        time::nanos(entry.at).cast_signed(),
        entry.wall.map(row::micros),
        entry.session.as_deref(),
        entry.component.as_deref(),
        entry.call.map(u64::cast_signed),
        entry.outcome.map(Outcome::as_str),
        entry.synthetic,
        name,
        policy(entry, title).map(str::as_bytes),
    ])?;
    Ok(())
}

/// Of the component that was loaded.
fn policy<'a>(entry: &Entry, tape: &'a Tape) -> Option<&'a str> {
    let id = entry.component.as_deref().filter(|_| entry.kind == EntryKind::Component)?;
    tape.components.iter().find(|component| &*component.id == id)?.policy.as_deref()
}

impl Known {
    /// Of the entry itself, or of the call that it answers or ends.
    fn name(&mut self, db: &Connection, entry: &Entry) -> rusqlite::Result<Option<i64>> {
        let Some(name) = row::name(entry) else {
            let is_of_call = matches!(entry.kind, EntryKind::Response | EntryKind::End);
            let call = entry.call.filter(|_| is_of_call);
            return Ok(match entry.kind {
                EntryKind::End => call.and_then(|call| self.calls.remove(&call)),
                _ => call.and_then(|call| self.calls.get(&call).copied()),
            });
        };
        let number = self.number(db, name)?;
        if let Some(call) = entry.call.filter(|_| entry.kind == EntryKind::Request) {
            if self.calls.len() >= REMEMBERED {
                self.calls.clear();
            }
            // A question of the server belongs to the call, and does not name it.
            self.calls.entry(call).or_insert(number);
        }
        Ok(Some(number))
    }

    fn number(&mut self, db: &Connection, name: (String, String)) -> rusqlite::Result<i64> {
        if let Some(number) = self.names.get(&name) {
            return Ok(*number);
        }
        let add = "INSERT OR IGNORE INTO names (method, tool) VALUES (?, ?)";
        let is_new = db.prepare_cached(add)?.execute(params![name.0, name.1])? > 0;
        let find = "SELECT id FROM names WHERE method = ? AND tool = ?";
        let number = db.prepare_cached(find)?.query_row(params![name.0, name.1], |row| row.get(0))?;
        if is_new {
            let index = "INSERT INTO names_search (rowid, method, tool) VALUES (?, ?, ?)";
            db.prepare_cached(index)?.execute(params![number, name.0, name.1])?;
        }
        if self.names.len() >= REMEMBERED {
            self.names.clear();
        }
        self.names.insert(name, number);
        Ok(number)
    }

    fn session(&mut self, db: &Connection, tape: i64, entry: &Entry) -> rusqlite::Result<()> {
        let Some(session) = &entry.session else { return Ok(()) };
        if self.sessions.contains(session) {
            return Ok(());
        }
        db.prepare_cached("INSERT OR IGNORE INTO sessions VALUES (?, ?)")?
            .execute(params![tape, &**session])?;
        if self.sessions.len() >= REMEMBERED {
            self.sessions.clear();
        }
        self.sessions.insert(session.clone());
        Ok(())
    }
}
