//! Opening a file that a stranger may have made.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, Result, Row};

use super::failed::failed;
use super::schema::{self, MARK, VERSION};
use super::{mark, row};
use crate::file;
use crate::tape::found::Mark;
use crate::tape::{MAX_FRAME_BYTES, TapeError, TapeId, appender};

/// The first whose WAL cannot corrupt a file (sqlite.org/wal.html, the WAL-reset bug).
const LEAST_SQLITE: i32 = 3_051_003;
/// Bytes of a page of a new file, of which each takes two writes: with 4 KiB, writing costs a tenth more.
const PAGE: u32 = 8 << 10;
/// So long another writer is waited for.
const BUSY: Duration = Duration::from_secs(1);

/// Of a database that names no application and no version.
pub(super) const UNMARKED: Mark = (0, 0);
pub(super) const ELSE: &str = "it is an SQLite database of something else";

/// What is to be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    Reading,
    Writing,
}

/// The names of the tapes in a file, in the order in which they were made.
///
/// # Errors
///
/// It cannot be read, or holds no tapes.
pub fn tapes(path: impl AsRef<Path>) -> std::result::Result<Vec<TapeId>, TapeError> {
    let path = path.as_ref();
    tapes_of(path, head(path, For::Reading)?)
}

/// The same, of a file with this mark.
pub(in crate::tape) fn tapes_of(path: &Path, head: Mark) -> std::result::Result<Vec<TapeId>, TapeError> {
    let db = open_marked(path, head, For::Reading)?;
    let names = || -> Result<Vec<TapeId>> {
        let mut all = db.prepare("SELECT tape_id FROM tapes ORDER BY id")?;
        let id = |row: &Row<'_>| row::text(row, 0).map(TapeId::from_text);
        all.query_map([], id)?.collect()
    };
    names().map_err(|error| failed(path, error))
}

/// Opens what is a file of tapes of this version.
pub(super) fn open(path: &Path, what: For) -> std::result::Result<Connection, TapeError> {
    open_marked(path, head(path, what)?, what)
}

/// The same, of a file with this mark.
pub(super) fn open_marked(path: &Path, head: Mark, what: For) -> std::result::Result<Connection, TapeError> {
    is_new_enough(path, rusqlite::version_number())?;
    let version = version(path, head)?;
    if version < VERSION {
        let why =
            format!("a tape of schema {version}, this shadowcat has {VERSION}; `tape::sqlite::migrate` it");
        return Err(TapeError::version(path, why));
    }
    let db = connect(path, what)?;
    check(path, &db, version)?;
    Ok(db)
}

/// Makes a new file, and what `begin` begins in it; where that fails, nothing is left that would be in the way.
pub(super) fn create<T>(
    path: &Path,
    begin: impl FnOnce(Connection) -> std::result::Result<T, TapeError>,
) -> std::result::Result<T, TapeError> {
    is_new_enough(path, rusqlite::version_number())?;
    appender::create(path, |file| {
        // Closed later, it would take SQLite's locks with it.
        drop(file);
        fill(path).and_then(begin).inspect_err(|_| remove_beside(path))
    })
}

/// What can be said only before there is anything in the file.
fn lay_out(db: &Connection) -> Result<()> {
    db.pragma_update(None, "page_size", PAGE)?;
    // So that what is forgotten makes the file smaller.
    db.pragma_update(None, "auto_vacuum", "incremental")
}

/// The tables.
fn fill(path: &Path) -> std::result::Result<Connection, TapeError> {
    let mut db = connect(path, For::Writing)?;
    lay_out(&db).map_err(|error| failed(path, error))?;
    // Before it is in WAL mode, so that the mark is in the file itself.
    schema::bring_to(&mut db, 0, VERSION).map_err(|error| failed(path, error))?;
    db.pragma_update(None, "journal_mode", "wal").map_err(|error| failed(path, error))?;
    Ok(db)
}

/// It is of our version, whatever log it has.
pub(super) fn to_wal(db: &Connection) {
    let mode = db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0));
    if mode.as_ref().is_ok_and(|mode| mode == "wal") {
        return;
    }
    tracing::warn!(?mode, "a tape is not in WAL mode: who reads it waits for who writes it");
}

/// What SQLite leaves beside a file that it could not write to, or that is removed.
pub(in crate::tape) fn remove_beside(path: &Path) {
    beside(path).for_each(|path| _ = std::fs::remove_file(path));
}

/// Where SQLite writes what is not in the file itself.
pub(super) fn beside(path: &Path) -> impl Iterator<Item = PathBuf> {
    ["-wal", "-shm", "-journal"].into_iter().map(|suffix| {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        beside.into()
    })
}

/// The application and the version: before SQLite sees any of its tables.
pub(super) fn head(path: &Path, what: For) -> std::result::Result<Mark, TapeError> {
    is_new_enough(path, rusqlite::version_number())?;
    let facts = if what == For::Writing { file::private_facts } else { file::facts };
    facts(path).map_err(|error| TapeError::io(path.display(), error))?;
    let head = mark::of(path).map_err(|error| match mark::denied(path, &error) {
        Some(denied) => TapeError::io(path.display(), denied),
        None => failed(path, error),
    })?;
    head.ok_or_else(|| TapeError::foreign(path, "it is no SQLite database"))
}

pub(super) fn version(path: &Path, head: Mark) -> std::result::Result<u32, TapeError> {
    match head {
        (MARK, 0) => Err(TapeError::foreign(path, "it was not made to its end")),
        (MARK, version) if version > VERSION => {
            let why = format!("a tape of schema {version}, this shadowcat has {VERSION}; use a later one");
            Err(TapeError::version(path, why))
        }
        (MARK, version) => Ok(version),
        UNMARKED => Err(TapeError::foreign(
            path,
            format_args!("{ELSE}; a table `recordings` alone `tape::sqlite::migrate` takes"),
        )),
        _ => Err(TapeError::foreign(path, ELSE)),
    }
}

fn is_new_enough(path: &Path, number: i32) -> std::result::Result<(), TapeError> {
    if number >= LEAST_SQLITE {
        return Ok(());
    }
    let (major, minor, patch) = (number / 1_000_000, number / 1000 % 1000, number % 1000);
    let why = format!("SQLite {major}.{minor}.{patch} can corrupt a file; build with 3.51.3 or later");
    Err(TapeError::version(path, why))
}

pub(super) fn connect(path: &Path, what: For) -> std::result::Result<Connection, TapeError> {
    let mode = match what {
        For::Reading => OpenFlags::SQLITE_OPEN_READ_ONLY,
        For::Writing => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let real = without_links(path).map_err(|error| TapeError::io(path.display(), error))?;
    let db = Connection::open_with_flags(real, flags).map_err(|error| failed(path, error))?;
    defend(&db).map_err(|error| failed(path, error))?;
    // Where it may not write, SQLite is content to read.
    if what == For::Writing && db.is_readonly(rusqlite::MAIN_DB).map_err(|error| failed(path, error))? {
        let denied = file::denied(path, true).unwrap_or_else(|| io::ErrorKind::PermissionDenied.into());
        return Err(TapeError::io(path.display(), denied));
    }
    Ok(db)
}

/// NOFOLLOW means the folders, too; where they lead is the user's own business.
pub(super) fn without_links(path: &Path) -> io::Result<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize()?;
    Ok(path.file_name().map_or(folder.clone(), |name| folder.join(name)))
}

/// Nothing that is written in the file is run, and nothing takes more than it should (sqlite.org/security.html).
pub(super) fn defend(db: &Connection) -> Result<()> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    db.busy_timeout(BUSY)?;
    db.pragma_update(None, "cell_size_check", true)?;
    db.pragma_update(None, "mmap_size", 0)?;
    for (limit, value) in [
        // A row holds a frame and little more.
        (
            Limit::SQLITE_LIMIT_LENGTH,
            i32::try_from(MAX_FRAME_BYTES).unwrap_or(i32::MAX).saturating_add(1 << 20),
        ),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
        (Limit::SQLITE_LIMIT_COLUMN, 100),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 40),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 10),
        (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 16),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 50),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        db.set_limit(limit, value)?;
    }
    Ok(())
}

pub(super) fn check(path: &Path, db: &Connection, version: u32) -> std::result::Result<(), TapeError> {
    match schema::is_ours(db, version) {
        Ok(true) => Ok(()),
        Ok(false) => {
            Err(TapeError::damaged(path.display(), "its tables are not those of a tape; do not trust it"))
        }
        Err(error) => Err(failed(path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_sqlite_is_refused() {
        let error = is_new_enough(Path::new("a.db"), 3_051_002).unwrap_err();
        assert!(error.is_version());
        assert_eq!(error.to_string(), "a.db: SQLite 3.51.2 can corrupt a file; build with 3.51.3 or later");
        is_new_enough(Path::new("a.db"), LEAST_SQLITE).unwrap();
    }
}
