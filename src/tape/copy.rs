//! From one format into another.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::{Sink, Source, TapeError, json, lines, text};
use crate::file;
use crate::protocol::peek;

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// How many entries.
    pub entries: u64,
    /// The source ended in the middle, as after a crash; all before that was copied.
    pub torn: bool,
}

/// Copies what is left of a tape into another, and finishes that. Each entry is the same afterwards, whatever the
/// formats are.
///
/// What the source learns of its tape on the way is told to the sink at the end.
///
/// # Errors
///
/// The source cannot be read further, except that it ends in the middle; the sink cannot be written.
pub fn copy(from: &mut dyn Source, to: &mut dyn Sink) -> Result<Copied, TapeError> {
    let mut copied = Copied::default();
    for entry in &mut *from {
        match entry {
            Ok(entry) => to.append(&entry)?,
            Err(error) if error.is_torn() => {
                copied.torn = true;
                break;
            }
            Err(error) => return Err(error),
        }
        copied.entries += 1;
    }
    to.update(from.tape())?;
    to.finish()?;
    Ok(copied)
}

/// Opens a tape of whatever format it has, by what is in the file.
///
/// # Errors
///
/// It cannot be read, or is no tape.
pub fn open(path: impl AsRef<Path>) -> Result<Box<dyn Source>, TapeError> {
    let path = path.as_ref();
    let beginning = beginning(path).map_err(|error| TapeError::io(path.display(), error))?;
    if beginning.starts_with(b"SQLite format 3\0") {
        return sqlite(path);
    }
    if is_title(&beginning) {
        return Ok(Box::new(lines::Reader::open(path)?));
    }
    Ok(Box::new(json::Reader::open(path)?))
}

#[cfg(feature = "sqlite")]
fn sqlite(path: &Path) -> Result<Box<dyn Source>, TapeError> {
    Ok(Box::new(super::sqlite::Reader::open(path)?))
}

#[cfg(not(feature = "sqlite"))]
fn sqlite(path: &Path) -> Result<Box<dyn Source>, TapeError> {
    Err(TapeError::version(path, "a tape in SQLite needs the feature `sqlite` of shadowcat"))
}

/// The first line.
fn beginning(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = file::read(path)?.take(super::version::MAX_TITLE as u64);
    BufReader::new(file).read_until(b'\n', &mut bytes)?;
    Ok(bytes)
}

/// The first line of JSON Lines; a document of one line holds its frames.
fn is_title(line: &[u8]) -> bool {
    text::is_json(line) && peek::member(line, "frames") == Ok(None)
}
