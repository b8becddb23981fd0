//! Opening a file of which it is not yet known what it is.
//!
//! The POSIX locks by which SQLite keeps others out belong to the process: closing *any* descriptor of a file drops them
//! all, those of a tape that is being written too. SQLite keeps account of its own descriptors, not of ours. So what is a
//! database is opened by SQLite alone, also only to look at it.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use super::TapeError;
use crate::file;

/// A file that may be read.
pub(super) enum Found {
    File(File),
    /// Only SQLite opens it.
    Database,
}

impl Found {
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        Self::open(path, file::facts, file::read)
    }

    /// Of a file of ours: what others own or may read or write is none.
    pub(super) fn read_private(path: &Path) -> io::Result<Self> {
        Self::open(path, file::private_facts, file::read_private)
    }

    fn open(
        path: &Path,
        facts: fn(&Path) -> io::Result<Metadata>,
        open: fn(&Path) -> io::Result<File>,
    ) -> io::Result<Self> {
        if is_database(path)? { facts(path).map(|_| Self::Database) } else { open(path).map(Self::File) }
    }

    /// Where a database is none of what is looked for.
    pub(super) fn file(self, path: &Path) -> Result<File, TapeError> {
        match self {
            Self::File(file) => Ok(file),
            Self::Database => Err(TapeError::foreign(path, "it is an SQLite database")),
        }
    }
}

/// Opens what is no database to read.
pub(crate) fn read(path: &Path) -> Result<File, TapeError> {
    Found::read(path).map_err(|error| TapeError::io(path.display(), error))?.file(path)
}

/// Opens a file of ours that is no database to append to.
pub(super) fn append(path: &Path) -> Result<File, TapeError> {
    let found = Found::open(path, file::private_facts, file::append);
    found.map_err(|error| TapeError::io(path.display(), error))?.file(path)
}

#[cfg(feature = "sqlite")]
pub(super) fn is_database(path: &Path) -> io::Result<bool> {
    super::sqlite::is_database(path)
}

/// Without SQLite, nothing in this crate has such locks.
#[cfg(not(feature = "sqlite"))]
#[allow(clippy::unnecessary_wraps, reason = "with SQLite it may fail")]
pub(super) fn is_database(_: &Path) -> io::Result<bool> {
    Ok(false)
}
