//! Writing a tape into SQLite.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::failed::failed;
use super::guard::Guard;
use super::known::Known;
use crate::key::hex;
use crate::tape::rotating::Before;
use crate::tape::{Entry, MAX_FRAME_BYTES, Sink, Tape, TapeError, name};

/// So many entries, bytes and so much time are worth a commit.
const ENTRIES: usize = 64;
pub(in crate::tape) const WAITING_BYTES: usize = 1 << 20;
pub(super) const PATIENCE: Duration = Duration::from_millis(20);

/// Writes a tape into a file in SQLite. Entries wait in memory until a commit: 64 of them, 1 MiB or 20 ms.
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
    pub(super) db: Connection,
    pub(super) path: PathBuf,
    pub(super) number: i64,
    pub(super) tape: Tape,
    /// The tape's row is to be written again.
    pub(super) changed: bool,
    /// What stands in the files before.
    pub(super) before: Before,
    pub(super) frames: u64,
    /// When the last entry was said, those in memory included.
    pub(super) at: Option<Duration>,
    /// Bytes of the file when something was last committed.
    pub(super) size: u64,
    pub(super) waiting: Vec<Entry>,
    pub(super) bytes: usize,
    pub(super) due: Option<Instant>,
    pub(super) known: Known,
    pub(super) guard: Guard,
    /// What is bound says that nothing comes after it.
    pub(super) ended: bool,
}

impl Writer {
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

    /// The MAC of where the [chain](super::Options::chain) ends in the file, in hexadecimal digits: what was committed. To be kept
    /// elsewhere by whoever wants to know that nothing was cut off behind it.
    pub fn chain_tip(&self) -> Option<String> {
        self.guard.tip().as_ref().map(hex)
    }

    pub(super) fn before(&self) -> Before {
        self.before
    }

    /// With what waits in memory.
    pub(super) fn file_bytes(&self) -> u64 {
        self.size + self.bytes as u64
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
        let is_enough = self.waiting.len() >= ENTRIES || self.bytes >= WAITING_BYTES;
        if (is_enough || Instant::now() >= due)
            && let Err(error) = self.flush(false)
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
        self.flush(false)
    }

    fn due(&self) -> Option<Instant> {
        self.due
    }

    /// All is in the file itself afterwards, as far as no reader is in the way.
    fn finish(&mut self) -> Result<(), TapeError> {
        self.flush(true)?;
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
        let _ = self.flush(false);
    }
}
