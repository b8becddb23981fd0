//! What is known of a tape, from its row.

use std::cmp::Ordering;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row};

use super::chain::{self, End, Of};
use super::failed::failed;
use super::seal::Seal;
use super::title::{self, Title};
use super::{place, row};
use crate::key::Key;
use crate::tape::lines::NOT_SEALED;
use crate::tape::rotating::Before;
use crate::tape::{TapeError, TapeId, time};

/// Tapes of a file that an error names.
const NAMED: usize = 10;

/// A tape of a file, as it is found there.
#[derive(Debug)]
pub(super) struct Found {
    /// In the file.
    pub(super) number: i64,
    pub(super) id: TapeId,
    pub(super) title: Title,
}

impl Found {
    /// What it was sealed with, if it was; whoever has a key expects that only its owners could have written the tape.
    pub(super) fn seal(&self, key: Option<&Key>, path: &Path) -> Result<Option<Seal>, TapeError> {
        match (&self.title.head, key) {
            (Some(head), key) => Seal::open(head, key, &self.id, path).map(Some),
            (None, Some(_)) => Err(TapeError::key(path, NOT_SEALED)),
            (None, None) => Ok(None),
        }
    }

    /// Where a chain of it ends.
    pub(super) fn end(&self, db: &Connection, of: Of, path: &Path) -> Result<Option<End>, TapeError> {
        chain::read(db, self.number, of).map_err(|error| failed(path, error))
    }
}

/// The tape of that id, or the only one.
pub(super) fn tape(db: &Connection, path: &Path, id: Option<&TapeId>) -> Result<Found, TapeError> {
    let columns = format!("SELECT id, tape_id, {} FROM tapes", title::COLUMNS);
    let found = |row: &Row<'_>| {
        let id = TapeId::from_text(row::text(row, 1)?);
        Ok(Found { number: row::tape(row, 0)?, id, title: Title::read(row, 2)? })
    };
    let one = match id {
        Some(id) => {
            let one = db.query_row(&format!("{columns} WHERE tape_id = ?"), [id.as_str()], found).optional();
            let none = || TapeError::foreign(path, format!("it holds no tape {id}"));
            one.map_err(|error| failed(path, error))?.ok_or_else(none)?
        }
        None => {
            let sql = format!("{columns} ORDER BY id LIMIT 2");
            let all = || -> rusqlite::Result<Vec<_>> { db.prepare(&sql)?.query_map([], found)?.collect() };
            let mut all = all().map_err(|error| failed(path, error))?;
            match (all.pop(), all.pop()) {
                (Some(one), None) => one,
                (None, _) => return Err(TapeError::foreign(path, "it holds no tape")),
                _ => return Err(several(db, path)),
            }
        }
    };
    Ok(one)
}

/// None of them was named.
fn several(db: &Connection, path: &Path) -> TapeError {
    let names = || -> rusqlite::Result<Vec<String>> {
        let mut some = db.prepare(&format!("SELECT tape_id FROM tapes ORDER BY id LIMIT {}", NAMED + 1))?;
        let id = |row: &Row<'_>| Ok(TapeId::from_text(row::text(row, 0)?).shown());
        some.query_map([], id)?.collect()
    };
    let mut names = match names() {
        Ok(names) => names,
        Err(error) => return failed(path, error),
    };
    if names.len() > NAMED {
        names[NAMED] = "others".to_owned();
    }
    let which = "say which by `OpenOptions::tape`";
    TapeError::foreign(path, format_args!("it holds several tapes; {which}: {}", names.join(", ")))
}

/// What is known of a tape, if it is still that tape that has the number.
pub(super) fn title(db: &Connection, tape: i64, id: &TapeId) -> rusqlite::Result<Option<Title>> {
    let sql = format!("SELECT {} FROM tapes WHERE id = ? AND tape_id = ?", title::COLUMNS);
    db.prepare_cached(&sql)?.query_row((tape, id.as_str()), |row| Title::read(row, 0)).optional()
}

/// Another one than before, when somebody else has written to the file.
pub(super) fn version(db: &Connection) -> rusqlite::Result<i64> {
    db.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}

/// Whether it is still that tape that has the number: what was removed gives its number free.
pub(super) fn is_there(db: &Connection, tape: i64, id: &TapeId) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM tapes WHERE id = ? AND tape_id = ?)";
    db.prepare_cached(sql)?.query_row((tape, id.as_str()), |row| row.get(0))
}

/// The number of the last frame as it was said when that was written: a byte that has changed in a row's number takes it
/// out of its tape, and nothing after it tells that it is missing.
pub(super) fn said(db: &Connection, tape: i64) -> rusqlite::Result<i64> {
    let sql = "SELECT frame FROM ends WHERE tape = ?";
    Ok(db.prepare_cached(sql)?.query_row([tape], |row| row.get(0)).optional()?.unwrap_or_default())
}

/// Says it.
pub(super) fn say(db: &Connection, tape: i64, last: i64) -> rusqlite::Result<()> {
    db.prepare_cached("REPLACE INTO ends VALUES (?, ?)")?.execute([tape, last]).map(drop)
}

/// Whether a tape ends where it was said that it does.
pub(super) fn is_end(path: &Path, last: i64, said: i64) -> Result<(), TapeError> {
    match last.cmp(&said) {
        Ordering::Equal => Ok(()),
        Ordering::Less => {
            Err(TapeError::damaged(path.display(), format_args!("frames up to frame {said} are missing")))
        }
        Ordering::Greater => Err(TapeError::damaged(
            path.display(),
            format_args!("frame {last} stands behind frame {said}, which was the last"),
        )),
    }
}

/// The number of the last frame, 0 where there is none.
pub(super) fn last(db: &Connection, tape: i64) -> rusqlite::Result<i64> {
    let (rows, sql) = (place::rows(tape), "SELECT max(id) FROM recordings WHERE id BETWEEN ? AND ?");
    let id = db.prepare_cached(sql)?.query_row([rows.start(), rows.end()], |row| row.get(0))?;
    Ok(Option::map_or(id, 0, place::frame))
}

/// What a tape that is gone on with has come to.
pub(super) fn reached(db: &Connection, path: &Path, tape: i64, before: Before) -> Result<Before, TapeError> {
    let sql = "SELECT id, elapsed_ns FROM recordings WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1";
    let rows = place::rows(tape);
    let row = |row: &Row<'_>| Ok((place::frame(row.get(0)?), row.get::<_, i64>(1)?));
    let found = db.query_row(sql, [rows.start(), rows.end()], row).optional();
    let found = found.and_then(|found| Ok((found, said(db, tape)?)));
    let (found, said) = found.map_err(|error| failed(path, error))?;
    is_end(path, found.map_or(0, |(last, _)| last), said)?;
    let Some((last, nanos)) = found else { return before.checked(path) };
    let frames = last.cast_unsigned().max(before.frames);
    let at = time::within(Duration::from_nanos(u64::try_from(nanos).unwrap_or(0)));
    Before { frames, at: Some(at), ..before }.checked(path)
}

/// Bytes of the file, its log written back; of a transaction, as it will be.
pub(super) fn size(db: &Connection) -> rusqlite::Result<u64> {
    let number = |sql| db.prepare_cached(sql)?.query_row([], |row| row.get::<_, u32>(0));
    Ok(u64::from(number("PRAGMA page_count")?) * u64::from(number("PRAGMA page_size")?))
}
