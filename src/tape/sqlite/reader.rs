//! Reading a tape from SQLite.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::check::Check;
use super::failed::failed;
use super::find;
use super::open::{self, For};
use super::title::Title;
use super::wanted::Wanted;
use crate::tape::found::{Found as Looked, Mark};
use crate::tape::lines::follows;
use crate::tape::{Entry, Filter, Filtered, OpenOptions, Source, Tape, TapeError, TapeId};

/// So many rows are read at once, at most; behind a jump, a few.
const ROWS: i64 = 256;
const FEW_ROWS: i64 = 8;

/// Reads one tape of a file in SQLite, or some of its entries.
///
/// ```
/// use shadowcat::tape::sqlite::{Reader, Writer};
/// use shadowcat::tape::{Entry, Filter, Sink, Tape};
/// use shadowcat::{Direction, JsonRpcMessage};
///
/// # let folder = std::env::temp_dir().join(format!("shadowcat-reader-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let mut tape = Writer::create(folder.join("tapes.db"), &Tape::new()?)?;
/// for (id, method) in [(1, "tools/list"), (2, "ping")] {
///     let message = JsonRpcMessage::request(id, method, "{}")?;
///     tape.append(&Entry::message(&message, Direction::ToUpstream))?;
/// }
/// tape.finish()?;
///
/// let pings = Reader::open(folder.join("tapes.db"))?.filter(Filter::new().method("ping"));
/// assert_eq!(pings.count(), 1);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    db: Connection,
    path: PathBuf,
    number: i64,
    tape: Tape,
    /// As its row had it when it was read, and the version of what others wrote to the file.
    title: Title,
    version: i64,
    /// What is asked when that has changed.
    asked: OpenOptions,
    pub(super) check: Check,
    /// The last frame that was read ahead.
    last: i64,
    /// So many rows are read next.
    rows: i64,
    wanted: Option<Wanted>,
    ahead: VecDeque<(i64, Entry)>,
    /// What was met behind what was read ahead.
    failure: Option<TapeError>,
    /// The frame that was given out last, and as it is numbered.
    at: i64,
    frame: Option<u64>,
    done: bool,
}

impl Reader {
    /// Opens the only tape of a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, is no such file, or holds no tape or several.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TapeError> {
        Self::guarded(path.as_ref(), None, &OpenOptions::new())
    }

    /// Opens one of the tapes of a file.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); there is no such tape.
    pub fn open_tape(path: impl AsRef<Path>, id: &TapeId) -> Result<Self, TapeError> {
        Self::guarded(path.as_ref(), Some(id), &OpenOptions::new())
    }

    /// Opens the only tape of a file, or the one that the options [name](OpenOptions::tape), with its keys, if it may be
    /// read.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); a key is missing or wrong; it may not be read.
    pub fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self, TapeError> {
        Self::guarded(path.as_ref(), None, options)
    }

    /// Opens one of the tapes of a file with its keys, if it may be read.
    ///
    /// ```
    /// use shadowcat::tape::sqlite::{Reader, Writer};
    /// use shadowcat::tape::{OpenOptions, Sink, Tape};
    ///
    /// # let path = std::env::temp_dir().join(format!("shadowcat-open-tape-{}.db", std::process::id()));
    /// let (red, blue) = (Tape::new()?.label("team", "red"), Tape::new()?.label("team", "blue"));
    /// Writer::create(&path, &red)?.finish()?;
    /// Writer::add_to(&path, &blue)?.finish()?;
    ///
    /// let options = OpenOptions::new().check(|tape| match tape.labels.get("team").map(String::as_str) {
    ///     Some("blue") => Ok(()),
    ///     _ => Err("it belongs to another team".to_owned()),
    /// });
    /// assert!(Reader::open_tape_with(&path, &blue.id, &options).is_ok());
    /// assert!(Reader::open_tape_with(&path, &red.id, &options).unwrap_err().is_refused());
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`open_tape`](Self::open_tape); a key is missing or wrong; it may not be read.
    pub fn open_tape_with(
        path: impl AsRef<Path>,
        id: &TapeId,
        options: &OpenOptions,
    ) -> Result<Self, TapeError> {
        Self::guarded(path.as_ref(), Some(id), options)
    }

    fn guarded(path: &Path, id: Option<&TapeId>, options: &OpenOptions) -> Result<Self, TapeError> {
        let id = id.or(options.wanted());
        let find = |looked: Looked| Self::find(path, looked.database(path)?, id, options);
        options.guard(path, find, |reader| &reader.tape)
    }

    /// Of a file with this mark that may be read.
    pub(in crate::tape) fn find(
        path: &Path,
        mark: Mark,
        id: Option<&TapeId>,
        options: &OpenOptions,
    ) -> Result<Self, TapeError> {
        let db = open::open_marked(path, mark, For::Reading)?;
        // It may be written to meanwhile.
        let version = find::version(&db).map_err(|error| failed(path, error))?;
        let all = db.unchecked_transaction().map_err(|error| failed(path, error))?;
        let found = find::tape(&all, path, id)?;
        let (number, title) = (found.number, found.title.clone());
        let (check, tape) = Check::open(&all, path, found, options)?;
        drop(all);
        let (path, frame) = (path.to_owned(), check.frames_before());
        Ok(Self {
            db,
            check,
            path,
            number,
            tape,
            title,
            version,
            asked: options.asking(),
            last: -1,
            rows: ROWS,
            wanted: None,
            at: -1,
            ahead: VecDeque::new(),
            failure: None,
            frame,
            done: false,
        })
    }

    /// Reads only these entries: [`Filter::apply`], which finds them by an index here. With the key of a
    /// [chain](super::Options::chain), or where [names are hidden](super::Options), it reads all.
    pub fn filter(self, filter: Filter) -> Filtered<Self> {
        filter.apply(self)
    }

    fn step(&mut self) -> Result<Option<Entry>, TapeError> {
        if self.ahead.is_empty() && self.failure.is_none() {
            self.failure = self.read_ahead().err();
            if !self.ahead.is_empty() {
                self.learn_what_is_new()?;
            }
        }
        let Some((frame, entry)) = self.ahead.pop_front() else {
            return self.failure.take().map_or_else(|| self.end(), Err);
        };
        let number = u64::try_from(frame).ok();
        follows(self.frame, number).map_err(|why| TapeError::damaged(self.path.display(), why))?;
        self.frame = number;
        self.at = frame;
        Ok(Some(entry))
    }

    /// As [`Wanted::next`].
    fn find_wanted(&mut self, filter: &Filter) -> rusqlite::Result<Option<i64>> {
        if !self.wanted.as_ref().is_some_and(|wanted| wanted.is_for(filter)) {
            self.wanted = Some(Wanted::of(&self.db, self.number, filter)?);
        }
        self.wanted.as_mut().map_or(Ok(None), |wanted| wanted.next(&self.db, self.at))
    }

    fn jump_to(&mut self, frame: i64) {
        if frame == self.at.saturating_add(1) {
            return;
        }
        self.check.jump();
        self.frame = None;
        while self.ahead.front().is_some_and(|(ahead, _)| *ahead < frame) {
            self.ahead.pop_front();
        }
        if self.ahead.is_empty() {
            self.last = self.last.max(frame - 1);
            self.rows = FEW_ROWS;
        }
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

    fn skip_to(&mut self, filter: &Filter) {
        if self.done || self.failure.is_some() || !self.check.trusts_indexes() {
            return;
        }
        match self.find_wanted(filter) {
            Ok(Some(frame)) => self.jump_to(frame),
            Ok(None) => {}
            Err(error) => self.failure = Some(failed(&self.path, error)),
        }
    }
}

mod ahead;
mod end;
#[cfg(test)]
mod tests;

#[cfg(test)]
mod grown {
    use super::*;
    use crate::message::Direction;
    use crate::tape::sqlite::Writer;
    use crate::tape::{EntryKind, Sink};

    #[test]
    fn what_stands_before_a_fault_in_what_grew_meanwhile_is_read_first() {
        let path = std::env::temp_dir().join(format!("shadowcat-grown-{}.db", std::process::id()));
        let mut writer = Writer::create(&path, &Tape::new().unwrap()).unwrap();
        let note = Entry::new(EntryKind::Note, Direction::ToClient, "x");
        writer.append(&note).unwrap();
        writer.commit().unwrap();
        let mut reader = Reader::open(&path).unwrap();
        assert!(reader.next().is_some_and(|entry| entry.is_ok()));
        (2..=3).for_each(|_| writer.append(&note).unwrap());
        writer.finish().unwrap();
        let fault = "UPDATE recordings SET message = 7 WHERE frame = 3";
        Connection::open(&path).unwrap().execute(fault, []).unwrap();
        // As if both were written between the two looks of one step.
        let (second, third) = (reader.end(), reader.step());
        drop((reader, writer));
        let _ = std::fs::remove_file(&path);
        assert_eq!(second.unwrap().map(|entry| entry.bytes), Some(note.bytes));
        assert!(third.unwrap_err().is_damaged());
    }
}
