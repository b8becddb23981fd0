//! Leading older files, and those of other programs, to this version.

use std::path::Path;

use rusqlite::{Connection, Error, Result, Transaction};

use super::failed::failed;
use super::find;
use super::known::Known;
use super::open::{self, For, to_wal};
use super::row;
use super::schema::{self, VERSION};
use crate::message::Direction;
use crate::tape::{Entry, EntryKind, TapeError};

/// Brings a file of an older version to the present one, in place, and tells the version that it had: 0 of one with
/// nothing but the table `recordings` of the first version, which another program made. Nothing else takes such a file.
///
/// ```no_run
/// shadowcat::tape::sqlite::migrate("recordings.db")?;
/// # Ok::<(), shadowcat::tape::TapeError>(())
/// ```
///
/// # Errors
///
/// It is no such file, of a later version, holds what no reader would take (a name that is no text, or of more than
/// [`MAX_NAME_BYTES`](crate::tape::MAX_NAME_BYTES)), or cannot be written; it is as before then.
pub fn migrate(path: impl AsRef<Path>) -> std::result::Result<u32, TapeError> {
    let path = path.as_ref();
    let head = open::head(path, For::Writing)?;
    let version = if head == open::UNMARKED { 0 } else { open::version(path, head)? };
    let mut db = open::connect(path, For::Writing)?;
    if version > 0 {
        open::check(path, &db, version)?;
    } else if !schema::is_first(&db).map_err(|error| failed(path, error))? {
        return Err(TapeError::foreign(path, open::ELSE));
    }
    if version < VERSION {
        bring(&mut db, version).map_err(|error| refused(path, error))?;
    }
    Ok(version)
}

/// A row that cannot be taken says why itself.
fn refused(path: &Path, error: Error) -> TapeError {
    match error {
        Error::FromSqlConversionFailure(_, _, why) => TapeError::damaged(path.display(), why),
        error => failed(path, error),
    }
}

/// The schema is as ours was, and ours may change it.
fn bring(db: &mut Connection, version: u32) -> Result<()> {
    // What was moved is not to be found in the file's free pages.
    db.pragma_update(None, "secure_delete", true)?;
    // The table of another program has been looked at: it is that of the first version.
    schema::bring_to(db, version.max(1), VERSION)?;
    // It is of this version now, whatever log it has.
    to_wal(db);
    Ok(())
}

/// Makes a tape of what was recorded in the first version: it knew no direction, calls went to the server. Who else wrote
/// the table may have counted other than microseconds: a tape begins between 1970 and 9999, and 63 bits of nanoseconds pass.
/// As the tables of the second version, it is never changed.
const TAPE: &str = "
INSERT INTO tapes (id, tape_id, created_at, metadata)
    SELECT 1, 'recordings', began, json_object('created_at',
        coalesce(strftime('%Y-%m-%dT%H:%M:%SZ', began / 1000000, 'unixepoch'), '1970-01-01T00:00:00Z'))
    FROM (SELECT max(0, min(coalesce(min(timestamp), 0), 253402300799999999)) AS began
        FROM recordings_before HAVING count(*) > 0);
INSERT INTO recordings (id, session_id, timestamp, message_type, component_id, elapsed_ns, direction, edge,
        synthetic, policy, message)
    SELECT (1 << 40) + row_number() OVER (ORDER BY id), session_id, timestamp,
        CASE
            WHEN message_type IN ('tool_call', 'tool_list_request') THEN 'request'
            WHEN message_type = 'component_init' THEN 'component'
            WHEN message_type IN ('request', 'notification', 'response') THEN message_type
            ELSE 'note' END,
        component_id, coalesce(min(timestamp - (SELECT min(timestamp) FROM recordings_before), 9223372036854775), 0) * 1000,
        iif(message_type IN ('tool_call', 'tool_list_request', 'request'), 'client_to_server', 'server_to_client'),
        'transport_in', 0, policy, coalesce(CAST(message AS BLOB), x'')
    FROM recordings_before ORDER BY id;
DROP TABLE recordings_before;
INSERT INTO ends SELECT 1, max(frame) FROM recordings HAVING count(*) > 0;
INSERT INTO sessions (tape, session_id)
    SELECT DISTINCT 1, session_id FROM recordings WHERE typeof(session_id) = 'text';
INSERT INTO session_blocks
    SELECT DISTINCT sessions.id, recordings.id >> 6 FROM recordings JOIN sessions USING (session_id);
";

/// What leads from the tables of the first version to those of the second, which are there.
pub(super) fn take_over(db: &Transaction<'_>) -> Result<()> {
    let no_times =
        "UPDATE recordings_before SET timestamp = NULL WHERE typeof(timestamp) NOT IN ('integer', 'null')";
    let left_out = db.execute(no_times, [])?;
    if left_out > 0 {
        tracing::warn!(left_out, "times that are no whole numbers are not migrated");
    }
    db.execute_batch(TAPE)?;
    let sql = "SELECT id, message FROM recordings WHERE message_type IN ('request', 'notification')";
    let (mut select, mut known) = (db.prepare(sql)?, Known::default());
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (id, message): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let entry = Entry::new(EntryKind::Request, Direction::ToUpstream, message);
        if let Some(name) = known.name(db, &entry)? {
            db.prepare_cached("UPDATE recordings SET name = ? WHERE id = ?")?.execute([name, id])?;
            known.stand(db, name, id)?;
        }
    }
    reads(db)
}

/// With the name of the column.
fn why(error: Error) -> String {
    match error {
        Error::FromSqlConversionFailure(at, _, why) => {
            let column = row::COLUMNS.split(", ").nth(at).unwrap_or_default();
            format!("{column}: {why}")
        }
        error => error.to_string(),
    }
}

/// Whether a reader takes what was made, before nothing else is left of it.
fn reads(db: &Transaction<'_>) -> Result<()> {
    let unfit = |why: String| row::unfit(0, format!("it cannot be brought to this version: {why}"));
    if !db.query_row("SELECT EXISTS (SELECT 1 FROM tapes)", [], |row| row.get(0))? {
        return Ok(());
    }
    let here = Path::new("recordings");
    let title = find::tape(db, here, None).and_then(|found| found.title.tape(&found.id, None, here));
    title.map_err(|error| unfit(error.to_string()))?;
    let mut select = db.prepare(&format!("SELECT {} FROM recordings ORDER BY id", row::COLUMNS))?;
    let (mut rows, mut number) = (select.query([])?, 0_u64);
    while let Some(row) = rows.next()? {
        number += 1;
        row::read(row).map_err(|error| unfit(format!("row {number} of `recordings`: {}", why(error))))?;
    }
    Ok(())
}
