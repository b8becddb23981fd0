//! Reading a tape from SQLite.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::failed::failed;
use super::open::{For, open};
use super::{Filter, row};
use crate::tape::lines::follows;
use crate::tape::{Entry, OpenOptions, Source, Tape, TapeError, TapeId, head, text};

/// So many rows are read at once, at most.
const ROWS: usize = 256;
/// So many bytes are read at once, and one frame more.
const BYTES: usize = 1 << 20;

/// Reads one tape of a file in SQLite, or some of its entries.
///
/// ```
/// use shadowcat::tape::sqlite::{Filter, Reader, Writer};
/// use shadowcat::tape::{Entry, Sink, Tape};
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
    filter: Option<Filter>,
    /// The last frame that was read ahead.
    last: i64,
    ahead: VecDeque<(i64, Entry)>,
    /// What was met behind what was read ahead.
    failure: Option<TapeError>,
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
        Self::find(path.as_ref(), None)
    }

    /// Opens one of the tapes of a file.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); there is no such tape.
    pub fn open_tape(path: impl AsRef<Path>, id: &TapeId) -> Result<Self, TapeError> {
        Self::find(path.as_ref(), Some(id))
    }

    /// Opens the only tape of a file, if it may be read. There are no keys to such a file.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); a key is of no use here; it may not be read.
    pub fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self, TapeError> {
        let path = path.as_ref();
        let find = |_| options.needs_no_key(path).and_then(|()| Self::find(path, None));
        options.guard(path, find, |reader| &reader.tape)
    }

    fn find(path: &Path, id: Option<&TapeId>) -> Result<Self, TapeError> {
        let db = open(path, For::Reading)?;
        let (number, tape) = title(&db, path, id)?;
        let path = path.to_owned();
        let (filter, ahead) = (None, VecDeque::new());
        Ok(Self {
            db,
            path,
            number,
            tape,
            filter,
            last: i64::MIN,
            ahead,
            failure: None,
            frame: None,
            done: false,
        })
    }

    /// Reads only these entries.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = Some(filter);
        self
    }

    fn read_ahead(&mut self) -> rusqlite::Result<()> {
        let filter = self.filter.clone().unwrap_or_default();
        let (sql, values) = select(&filter);
        let mut wanted = vec![Value::Integer(self.number), Value::Integer(self.last)];
        wanted.extend(values.into_iter().map(|value| Value::Text(value.to_owned())));
        let mut select = self.db.prepare_cached(&sql)?;
        let mut rows = select.query(params_from_iter(wanted))?;
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            let (frame, entry) = row::read(row)?;
            bytes += entry.bytes.len();
            self.last = frame;
            self.ahead.push_back((frame, entry));
            if bytes >= BYTES {
                break;
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<Option<Entry>, TapeError> {
        if self.ahead.is_empty() && self.failure.is_none() {
            self.failure = self.read_ahead().err().map(|error| failed(&self.path, error));
        }
        let Some((frame, entry)) = self.ahead.pop_front() else {
            return self.failure.take().map_or(Ok(None), Err);
        };
        let number = u64::try_from(frame).ok();
        if self.filter.is_none() {
            follows(self.frame, number).map_err(|why| TapeError::damaged(self.path.display(), why))?;
        }
        self.frame = number;
        Ok(Some(entry))
    }
}

/// The next rows, and what is asked of them beside the tape and the frame.
fn select(filter: &Filter) -> (String, Vec<&str>) {
    let (conditions, values) = filter.conditions();
    let (columns, index) = (row::COLUMNS, filter.index());
    let sql = format!(
        "SELECT {columns} FROM recordings INDEXED BY {index}
        WHERE tape = ? AND frame > ?{conditions} ORDER BY frame LIMIT {ROWS}"
    );
    (sql, values)
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

/// The tape, and its number in the file.
pub(super) fn title(db: &Connection, path: &Path, id: Option<&TapeId>) -> Result<(i64, Tape), TapeError> {
    let columns = "SELECT id, tape_id, session_id, metadata FROM tapes";
    let parts = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?));
    let found: (i64, String, Option<String>, String) = match id {
        Some(id) => {
            let one = db.query_row(&format!("{columns} WHERE tape_id = ?"), [id.as_str()], parts).optional();
            let none = || TapeError::foreign(path, format!("it holds no tape {id}"));
            one.map_err(|error| failed(path, error))?.ok_or_else(none)?
        }
        None => {
            let sql = format!("{columns} ORDER BY id LIMIT 2");
            let all = || -> rusqlite::Result<Vec<_>> { db.prepare(&sql)?.query_map([], parts)?.collect() };
            let mut all = all().map_err(|error| failed(path, error))?;
            match (all.pop(), all.pop()) {
                (Some(one), None) => one,
                (None, _) => return Err(TapeError::foreign(path, "it holds no tape")),
                _ => {
                    return Err(TapeError::foreign(
                        path,
                        "it holds several; say which, `sqlite::tapes` names them",
                    ));
                }
            }
        }
    };
    let damaged = |why| TapeError::damaged(path.display(), why);
    if !text::is_json(found.3.as_bytes()) {
        return Err(damaged("metadata are no JSON".into()));
    }
    let mut tape = head::metadata_of(TapeId::from_text(&found.1), found.3.as_bytes()).map_err(damaged)?;
    tape.session = found.2.map(Into::into);
    Ok((found.0, tape))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::sqlite::schema;

    /// How SQLite goes about it.
    fn plan(filter: &Filter) -> String {
        let mut db = Connection::open_in_memory().unwrap();
        schema::bring_to(&mut db, 0, schema::VERSION).unwrap();
        let (sql, values) = select(filter);
        let mut wanted = vec![Value::Integer(1), Value::Integer(0)];
        wanted.extend(values.into_iter().map(|value| Value::Text(value.to_owned())));
        let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = explain.query_map(params_from_iter(wanted), |row| row.get::<_, String>(3)).unwrap();
        steps.collect::<rusqlite::Result<Vec<_>>>().unwrap().join("\n")
    }

    #[test]
    fn what_is_asked_for_is_found_by_an_index() {
        let by_name = "SEARCH recordings USING INDEX recordings_by_name (name=? AND tape=? AND frame>?)";
        for (filter, step) in [
            (Filter::new(), "SEARCH recordings USING INDEX recordings_by_frame (tape=? AND frame>?)"),
            (Filter::new().method("ping"), by_name),
            (Filter::new().tool("get_weather"), by_name),
            (Filter::new().search("weather"), by_name),
            (Filter::new().method("tools/call").tool("get_weather").session("s-1"), by_name),
            (
                Filter::new().session("s-1"),
                "SEARCH recordings USING INDEX recordings_by_session (session_id=? AND tape=? AND frame>?)",
            ),
        ] {
            let plan = plan(&filter);
            assert!(plan.contains(step) && !plan.contains("SCAN recordings"), "{filter:?}:\n{plan}");
        }
    }
}
