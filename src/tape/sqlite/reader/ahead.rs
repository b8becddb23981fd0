//! Reading rows ahead.

use std::sync::Arc;

use rusqlite::params;

use super::{ROWS, Reader};
use crate::tape::sqlite::failed::failed;
use crate::tape::sqlite::{place, row};
use crate::tape::{Entry, TapeError};

/// So many bytes are read at once, and one frame more.
pub(super) const BYTES: usize = 1 << 20;

impl Reader {
    pub(super) fn read_ahead(&mut self) -> Result<(), TapeError> {
        self.try_read_ahead().map_err(|error| failed(&self.path, error))?
    }

    fn try_read_ahead(&mut self) -> rusqlite::Result<Result<(), TapeError>> {
        let columns = if self.check.is_none() { row::COLUMNS } else { row::CHECKED };
        // In one statement, as the tape may be removed, and its number another's.
        let sql = format!(
            "SELECT {columns} FROM recordings WHERE id > ? AND id <= ?
            AND EXISTS (SELECT 1 FROM tapes WHERE id = ? AND tape_id = ?) ORDER BY recordings.id LIMIT ?"
        );
        let mut select = self.db.prepare_cached(&sql)?;
        let (from, to) = (place::id(self.number, self.last), place::rows(self.number));
        let mut rows =
            select.query(params![from, to.end(), self.number, self.tape.id.as_str(), self.rows])?;
        self.rows = (2 * self.rows).min(ROWS);
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            let (id, mut entry) = row::read(row)?;
            let frame = place::frame(id);
            if !self.check.is_none() {
                entry = match self.check.entry(row, frame, entry)? {
                    Ok(entry) => entry,
                    Err(why) => return Ok(Err(self.damaged(frame, why))),
                };
            }
            bytes += size(&entry);
            self.last = frame;
            self.ahead.push_back((frame, entry));
            if bytes >= BYTES {
                break;
            }
        }
        Ok(Ok(()))
    }

    fn damaged(&self, frame: i64, why: &str) -> TapeError {
        TapeError::damaged(format_args!("{}: frame {frame}", self.path.display()), why)
    }
}

/// In memory, about.
pub(super) fn size(entry: &Entry) -> usize {
    let name = |name: &Option<Arc<str>>| name.as_ref().map_or(0, |name| name.len());
    entry.bytes.len() + name(&entry.session) + name(&entry.component)
}
