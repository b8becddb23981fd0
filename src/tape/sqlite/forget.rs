//! Removing old tapes from a file of many.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, Result, Row, Transaction, TransactionBehavior};

use super::failed::failed;
use super::open::{For, open};
use super::place::{self, FRAME_BITS};
use super::row;
use crate::tape::{Rotate, TapeError, TapeId};

/// So many entries are removed at once, and so many pages given back: others write between.
const ROWS: u32 = 1000;
const PAGES: u32 = 1000;

/// Removes the tapes of a file that need not be kept, the oldest first, and tells which: those that [`Rotate`] would not
/// keep if each were a file. A tape is as old as its last entry, and has as many bytes as its messages. The newest is
/// always kept.
///
/// A tape that somebody still writes to is not known from others: keep tapes for longer than a session is silent. Who
/// writes or reads it further is told that it [was removed](TapeError::is_removed), or, who reads while that is done, that
/// frames are missing. What is removed is overwritten; names of methods and tools stay. The file is smaller afterwards,
/// unless an older shadowcat or another program made it: then the room is used again.
///
/// ```
/// use shadowcat::tape::{Rotate, Sink, Tape, sqlite};
///
/// # let path = std::env::temp_dir().join(format!("shadowcat-forget-{}.db", std::process::id()));
/// let tapes = [Tape::new()?, Tape::new()?, Tape::new()?];
/// sqlite::Writer::create(&path, &tapes[0])?.finish()?;
/// sqlite::Writer::add_to(&path, &tapes[1])?.finish()?;
/// sqlite::Writer::add_to(&path, &tapes[2])?.finish()?;
///
/// let gone = sqlite::forget(&path, &Rotate::new().keep_files(2))?;
/// assert_eq!(gone, [tapes[0].id.clone()]);
/// assert_eq!(sqlite::tapes(&path)?.len(), 2);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// It is no such file, others may read or write it, or it cannot be written: then some of it may be gone already, and the
/// next attempt removes the rest.
pub fn forget(path: impl AsRef<Path>, keep: &Rotate) -> std::result::Result<Vec<TapeId>, TapeError> {
    let path = path.as_ref();
    let db = open(path, For::Writing)?;
    let forget = || -> Result<Vec<TapeId>> {
        db.pragma_update(None, "secure_delete", true)?;
        let old = old(&db, keep)?;
        for tape in &old {
            remove(&db, tape.number)?;
        }
        shrink(&db)?;
        Ok(old.into_iter().map(|tape| tape.id).collect())
    };
    forget().map_err(|error| failed(path, error))
}

struct Found {
    number: i64,
    id: TapeId,
    last: SystemTime,
}

/// The oldest first.
fn old(db: &Connection, keep: &Rotate) -> Result<Vec<Found>> {
    // A time that an entry does not have is that of the tape and what had passed.
    let sql = format!(
        "SELECT id, tape_id, coalesce((SELECT coalesce(timestamp, created_at + elapsed_ns / 1000)
        FROM recordings WHERE id BETWEEN tapes.id << {FRAME_BITS} AND (tapes.id + 1 << {FRAME_BITS}) - 1
        ORDER BY id DESC LIMIT 1), created_at) AS last FROM tapes ORDER BY last, id"
    );
    let found = |row: &Row<'_>| {
        let (number, id) = (row::tape(row, 0)?, TapeId::from_text(row::text(row, 1)?));
        Ok(Found { number, id, last: row::from_micros(row.get(2)?) })
    };
    let mut tapes = db.prepare(&sql)?.query_map([], found)?.collect::<Result<Vec<_>>>()?;
    let (mut files, mut bytes, now) = (0, 0, SystemTime::now());
    let mut kept = tapes.len();
    for tape in tapes.iter().rev() {
        files += 1;
        if keep.counts_bytes() {
            bytes += size(db, tape.number)?;
        }
        let age: Option<Duration> = now.duration_since(tape.last).ok();
        if files > 1 && keep.forgets(age, files, bytes) {
            break;
        }
        kept -= 1;
    }
    tapes.truncate(kept);
    Ok(tapes)
}

fn size(db: &Connection, tape: i64) -> Result<u64> {
    let sql = "SELECT coalesce(sum(length(message)), 0) FROM recordings WHERE id BETWEEN ? AND ?";
    let rows = place::rows(tape);
    let bytes: i64 = db.prepare_cached(sql)?.query_row([rows.start(), rows.end()], |row| row.get(0))?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// The tape itself goes last, so that what is interrupted is gone on with.
fn remove(db: &Connection, tape: i64) -> Result<()> {
    let (rows, blocks) = (place::rows(tape), place::blocks(tape));
    let some = format!(
        "DELETE FROM recordings WHERE id IN
        (SELECT id FROM recordings WHERE id BETWEEN ?1 AND ?2
            AND id < (SELECT max(id) FROM recordings WHERE id BETWEEN ?1 AND ?2) ORDER BY id LIMIT {ROWS})"
    );
    // Who has read all of it finds its end until it is gone.
    while db.prepare_cached(&some)?.execute([rows.start(), rows.end()])? > 0 {}
    let all = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    all.execute("DELETE FROM recordings WHERE id BETWEEN ? AND ?", [rows.start(), rows.end()])?;
    let of_names = "DELETE FROM name_blocks WHERE name IN (SELECT id FROM names) AND block BETWEEN ? AND ?";
    all.execute(of_names, [blocks.start(), blocks.end()])?;
    let of_sessions = "DELETE FROM session_blocks WHERE session IN (SELECT id FROM sessions WHERE tape = ?)";
    all.execute(of_sessions, [tape])?;
    for table in ["sessions", "components", "chains", "ends"] {
        all.execute(&format!("DELETE FROM {table} WHERE tape = ?"), [tape])?;
    }
    all.execute("DELETE FROM tapes WHERE id = ?", [tape])?;
    all.commit()
}

/// Gives back what is free, and empties the log as far as no reader is in the way.
fn shrink(db: &Connection) -> Result<()> {
    let free = || db.query_row("PRAGMA freelist_count", [], |row| row.get::<_, i64>(0));
    let mut before = i64::MAX;
    let mut now = free()?;
    while now > 0 && now < before {
        // A row for each page.
        let mut vacuum = db.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
        let mut pages = vacuum.query([])?;
        while pages.next()?.is_some() {}
        (before, now) = (now, free()?);
    }
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}
