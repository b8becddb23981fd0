//! The way of a record into the file.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::chain::{Chain, Torn};
use super::error::{OpenError, Why};
use super::file::{self, LogFile};
use super::key::hex;
use super::line::Link;
use super::thread::Thread;
use super::walk::Walk;
use super::{Key, Options, Overflow, Record};
use crate::queue::{Sender, queue};

/// Bytes of records that wait, where what finds no room is counted.
const MAX_QUEUED: usize = 8 << 20;
/// How much of the end of a file is looked at before it is gone on with.
const TAIL: u64 = 256 << 10;

/// A record by its number and hash: kept in another place, it proves that the log is not cut off before it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Anchor {
    /// Its number, from 1.
    pub seq: u64,
    /// Its hash, in 64 hexadecimal digits.
    pub hash: String,
}

impl Anchor {
    /// As it was kept.
    pub fn new(seq: u64, hash: impl Into<String>) -> Self {
        Self { seq, hash: hash.into() }
    }
}

impl From<Link> for Anchor {
    fn from(link: Link) -> Self {
        Self::new(link.seq, hex(&link.hash))
    }
}

/// What became of records so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// In the file.
    pub written: u64,
    /// Lost: there was no room.
    pub lost: u64,
    /// Messages that did not go on because nothing could be written of them.
    pub refused: u64,
    /// Files that were put aside, full or old.
    pub rotated: u64,
    /// The last attempt to write failed; it is tried again.
    pub is_failing: bool,
}

/// A log that is open. Cheap to clone, all clones write the same one; a thread of its own does, and ends with the last.
/// See the [module](super).
///
/// # Backpressure
///
/// See [`Overflow`].
#[derive(Clone, Debug)]
pub struct Writer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    sender: Sender<Item>,
    state: Arc<State>,
    arguments_key: Option<Key>,
    /// Where it fails closed: how many may be admitted.
    most: Option<usize>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) is_failing: AtomicBool,
    pub(super) written: AtomicU64,
    /// Of what was taken from the queue.
    pub(super) lost: AtomicU64,
    pub(super) rotated: AtomicU64,
    refused: AtomicU64,
    admitted: AtomicUsize,
    pub(super) last: Mutex<Link>,
}

/// Room for one record, until it is written.
#[derive(Debug)]
pub(crate) struct Permit(Option<Arc<State>>);

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(state) = &self.0 {
            state.admitted.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A record that waits.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) record: Record,
    pub(super) permit: Permit,
}

impl Writer {
    /// Opens a log, or makes it, and goes on with its chain. It waits for the disk.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, is no regular file of this user's with mode 0600 and one name, is another's
    /// ([`OpenError::is_busy`]), or its end does not hold ([`OpenError::is_damaged`]).
    pub fn open(path: impl Into<PathBuf>, options: Options) -> Result<Self, OpenError> {
        let path = path.into();
        let mut file = LogFile::open(&path)?;
        let (last, torn) = tail(&path, &mut file, options.chain_key.as_ref())?;
        let recovers = torn.is_some();
        let mut chain = Chain::new(file, last, torn, options.chain_key.clone());
        chain.push(Record::new("opened").members());
        if let (_, _, Err(error)) = chain.flush() {
            return Err(OpenError::new(path, error));
        }
        if recovers {
            tracing::warn!(path = %path.display(), "the audit log ended in the middle of a line");
        }
        let state = Arc::new(State::new(chain.last()));
        let (items, bytes, most) = match options.overflow {
            Overflow::Count => (options.max_queued, MAX_QUEUED, None),
            Overflow::Refuse => (options.max_queued, usize::MAX, Some(options.max_queued)),
        };
        let (sender, receiver) = queue(items, bytes);
        let arguments_key = options.arguments_key.clone();
        let worker = Thread::new(chain, receiver, options, state.clone());
        let spawned = thread::Builder::new().name("shadowcat-audit".to_owned()).spawn(move || worker.run());
        spawned.map_err(|error| OpenError::new(path, error))?;
        Ok(Self { shared: Arc::new(Shared { sender, state, arguments_key, most }) })
    }

    /// Writes a record when its turn comes. It never waits.
    pub fn record(&self, record: Record) {
        match self.permit() {
            Some(permit) => self.record_admitted(record, permit),
            None => self.shared.sender.lose(),
        }
    }

    /// Waits until everything that was recorded before is written, or lost. While the log cannot be written, that is as
    /// long as it takes.
    pub async fn flushed(&self) {
        self.shared.sender.flushed().await;
    }

    /// The last record in the file: an [`Anchor`] to keep elsewhere.
    pub fn last(&self) -> Anchor {
        (*self.shared.state.last.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }

    /// What became of records so far.
    pub fn stats(&self) -> Stats {
        let state = &self.shared.state;
        Stats {
            written: state.written.load(Ordering::Relaxed),
            lost: state.lost.load(Ordering::Relaxed) + self.shared.sender.lost(),
            refused: state.refused.load(Ordering::Relaxed),
            rotated: state.rotated.load(Ordering::Relaxed),
            is_failing: state.is_failing.load(Ordering::Relaxed),
        }
    }

    /// Whether a message may go on: `None` where its record would find no room.
    pub(crate) fn admit(&self) -> Option<Permit> {
        let state = &self.shared.state;
        let is_closed = self.shared.most.is_some() && state.is_failing.load(Ordering::Acquire);
        let permit = if is_closed { None } else { self.permit() };
        if permit.is_none() {
            state.refused.fetch_add(1, Ordering::Relaxed);
        }
        permit
    }

    pub(crate) fn record_admitted(&self, record: Record, permit: Permit) {
        let weight = record.weight();
        self.shared.sender.offer(Item { record, permit }, weight);
    }

    /// Room for a record is there.
    pub(crate) fn permit(&self) -> Option<Permit> {
        let Some(most) = self.shared.most else { return Some(Permit(None)) };
        let state = &self.shared.state;
        let more = |admitted: usize| (admitted < most).then_some(admitted + 1);
        state.admitted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Permit(Some(state.clone())))
    }

    pub(crate) fn digest(&self, record: &mut Record, raw: &[u8]) {
        record.digest(self.shared.arguments_key.as_ref(), raw);
    }
}

impl State {
    fn new(last: Link) -> Self {
        Self {
            is_failing: AtomicBool::new(false),
            written: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            rotated: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            admitted: AtomicUsize::new(0),
            last: Mutex::new(last),
        }
    }
}

type Tail = (Link, Option<Torn>);

/// Where the chain stands that the file ends with, and what of a line is left behind it.
fn tail(path: &Path, file: &mut LogFile, key: Option<&Key>) -> Result<Tail, OpenError> {
    let (start, end) = file.end(TAIL).map_err(|error| OpenError::new(path, error))?;
    let (last, torn) = read(start, &end, key).map_err(|why| OpenError::new(path, why))?;
    let last = match last {
        Some(last) => last,
        None => last_before(path, key)?,
    };
    Ok((last, torn))
}

/// The end of the file that was put aside last; a log without one begins.
fn last_before(path: &Path, key: Option<&Key>) -> Result<Link, OpenError> {
    let Some((path, mut file)) = file::before(path)? else { return Ok(Link::START) };
    let (start, end) = file::end_of(&mut file, TAIL).map_err(|error| OpenError::new(&path, error))?;
    let read = read(start, &end, key).map_err(|why| OpenError::new(&path, why))?;
    match read {
        (Some(last), None) => Ok(last),
        _ => Err(OpenError::new(&path, Why::Damaged("it does not end with a record".to_owned()))),
    }
}

fn read(start: u64, end: &[u8], key: Option<&Key>) -> Result<(Option<Link>, Option<Torn>), Why> {
    let mut lines: Vec<&[u8]> = end.split(|byte| *byte == b'\n').collect();
    let rest = lines.pop().unwrap_or_default();
    let (mut walk, mut wrong) = (Walk::new(key, None), None);
    // The first may begin before what was read.
    for line in lines.iter().skip(usize::from(start > 0)) {
        walk.line(0, line, &mut |_, problem| _ = wrong.get_or_insert(problem));
    }
    let torn = walk.end(0, rest, &mut |_, problem| {
        if problem != super::Problem::Torn {
            wrong.get_or_insert(problem);
        }
    });
    if start > 0 && walk.last().is_none() {
        return Err(Why::Damaged("no record ends in it".to_owned()));
    }
    match wrong {
        Some(problem) => Err(Why::Damaged(problem.to_string())),
        None => Ok((walk.last(), torn)),
    }
}
