//! The mark of a file: which application made it, in which version.
//!
//! It stands in the file's first 100 bytes, but is not read from there by ourselves: [why](crate::tape::found).

use std::io;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, Result};

use super::open::{beside, defend, without_links};
use crate::tape::found::Mark;
use crate::{file, percent};

/// Bytes of the head of a database: what has fewer is none.
const HEAD: u64 = 100;
/// A database has whole pages, and these whole sectors.
const SECTOR: u64 = 512;

/// The application and the version that a database names; `None` of what is no database, and of what is for the system
/// to refuse: a link, a folder, a pipe, a file that is not there.
pub(super) fn of(path: &Path) -> Result<Option<Mark>> {
    let is_long_enough = |facts: std::fs::Metadata| facts.is_file() && facts.len() >= HEAD;
    if !std::fs::symlink_metadata(path).is_ok_and(is_long_enough) {
        return Ok(None);
    }
    let Ok(real) = without_links(path) else { return Ok(None) };
    match look(&real) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => Ok(None),
        looked => looked.map(Some),
    }
}

/// The same, with what the system says of a file that cannot be opened.
pub(in crate::tape) fn mark(path: &Path) -> io::Result<Option<Mark>> {
    of(path).map_err(|error| denied(path, &error).unwrap_or(io::Error::other(error)))
}

/// Whether some SQLite in this process may have it open to write, so that nobody else is to open and close it. What is
/// written is whole pages; where the disk was full in the midst of one, there is a log beside it.
pub(in crate::tape) fn may_be_in_use(path: &Path) -> bool {
    let is_there = |log: std::path::PathBuf| std::fs::symlink_metadata(log).is_ok();
    std::fs::symlink_metadata(path).is_ok_and(|facts| {
        facts.is_file() && (facts.len().is_multiple_of(SECTOR) || beside(path).any(is_there))
    })
}

/// SQLite does not tell why it cannot open a file.
pub(super) fn denied(path: &Path, error: &Error) -> Option<io::Error> {
    let is_open = error.sqlite_error_code() != Some(ErrorCode::CannotOpen);
    if is_open { None } else { file::denied(path, false) }
}

#[cfg(test)]
thread_local! {
    /// How often this thread asked SQLite what a file is.
    pub(in crate::tape) static LOOKS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// As if the file could not change, SQLite looks neither for locks nor at what stands beside the file, and makes nothing
/// there. No table is read, and nothing that is written in the file is run.
fn look(real: &Path) -> Result<Mark> {
    #[cfg(test)]
    LOOKS.with(|looks| looks.set(looks.get() + 1));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_URI;
    let db = Connection::open_with_flags(uri(real), flags)?;
    defend(&db)?;
    // Else a file would be refused that is shorter than it says, as one is while its log is written back.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, i32>(0)).map(i32::cast_unsigned);
    Ok((number("application_id")?, number("user_version")?))
}

fn uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => percent::escape(&mut uri, &[*byte]),
        }
    }
    uri + "?immutable=1"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_any_name_is_looked_at() {
        let folder = std::env::temp_dir().join(format!("shadowcat-mark-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["a.db", "a b?mode=memory&c#d%20.db", "ä:\"'.db", ":memory:"] {
            let path = folder.join(name);
            let db = Connection::open_with_flags(&path, OpenFlags::default() & !OpenFlags::SQLITE_OPEN_URI);
            db.unwrap().execute_batch("PRAGMA application_id = -2; PRAGMA user_version = 7").unwrap();
            assert_eq!(of(&path), Ok(Some((u32::MAX - 1, 7))), "{name}");
            // Shorter than it says.
            std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(HEAD).unwrap();
            assert_eq!(of(&path), Ok(Some((u32::MAX - 1, 7))), "{name}");
            std::fs::write(&path, "no database".repeat(50)).unwrap();
            assert_eq!(of(&path), Ok(None));
        }
        assert_eq!(of(&folder), Ok(None));
        assert_eq!(of(&folder.join("none")), Ok(None));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
