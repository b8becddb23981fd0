//! Whether a file in text is a tape that can be read here.

use std::path::Path;

use super::{TapeError, VERSION};
use crate::protocol::peek;

/// Bytes of all that is said of a tape, at most.
pub(super) const MAX_TITLE: usize = 16 << 20;

/// `title` is JSON.
pub(super) fn check(path: &Path, title: &[u8]) -> Result<(), TapeError> {
    let version = peek::text(title, "version")
        .map_err(|error| TapeError::foreign(path, format!("version: {error}")))?;
    match version.as_deref() {
        Some(version) if version.split('.').next() == Some("1") => Ok(()),
        Some(version) => {
            let why = format!("a tape of version {version}; this shadowcat reads {VERSION}, use a later one");
            Err(TapeError::version(path, why))
        }
        None => Err(TapeError::foreign(path, "it names no version")),
    }
}
