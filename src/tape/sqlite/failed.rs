//! What SQLite says, in our words.

use std::io;
use std::path::Path;

use rusqlite::{Error, ErrorCode};

use crate::tape::{MAX_FRAME_BYTES, TapeError};

/// What went wrong with the file.
pub(super) fn failed(path: &Path, error: Error) -> TapeError {
    let place = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => TapeError::foreign(path, "it is no SQLite database").caused(error),
        Some(ErrorCode::DatabaseCorrupt) => {
            TapeError::damaged(place, "SQLite cannot read it further").caused(error)
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => TapeError::busy(path).caused(error),
        Some(ErrorCode::TooBig) => TapeError::too_large(place, MAX_FRAME_BYTES).caused(error),
        Some(ErrorCode::DiskFull) => TapeError::io(place, io::Error::new(io::ErrorKind::StorageFull, error)),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            // Also to read, it makes files beside it.
            let why = format!("{error}; SQLite writes beside it, copy it to a folder where that may be");
            TapeError::io(place, io::Error::other(why)).caused(error)
        }
        Some(_) => TapeError::io(place, io::Error::other(error)),
        None if matches!(error, Error::ToSqlConversionFailure(_)) => {
            TapeError::io(format_args!("{place}: cannot be written"), io::Error::other(error))
        }
        // A value of another type than ours.
        None => TapeError::damaged(place, &error),
    }
}
