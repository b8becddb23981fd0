//! What is known of a tape, from its row.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row};

use super::failed::failed;
use crate::tape::{Tape, TapeError, TapeId, head, text};

/// The tape, and its number in the file.
pub(super) fn tape(db: &Connection, path: &Path, id: Option<&TapeId>) -> Result<(i64, Tape), TapeError> {
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
