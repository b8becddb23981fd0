//! From one format into another.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::found::{DATABASE, Found, rewind};
use super::pack::{ZSTD, begins_sealed};
use super::until_torn::UntilTorn;
use super::{OpenOptions, Sink, Source, TapeError, json, lines, text};
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
    let mut entries = UntilTorn::new(&mut *from);
    for entry in &mut entries {
        to.append(&entry?)?;
        copied.entries += 1;
    }
    copied.torn = entries.is_torn();
    to.update(from.tape())?;
    to.finish()?;
    Ok(copied)
}

/// Opens a tape of whatever format it has, by what is in the file.
///
/// # Errors
///
/// It cannot be read, is no tape, or needs a key.
pub fn open(path: impl AsRef<Path>) -> Result<Box<dyn Source>, TapeError> {
    open_with(path, &OpenOptions::new())
}

/// Opens a tape of whatever format it has, with its keys, if it may be read.
///
/// # Errors
///
/// As [`open`]; a key is missing, wrong, or of no use for this format; it may not be read.
pub fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Box<dyn Source>, TapeError> {
    let path = path.as_ref();
    open_found(path, Found::read(path), options)
}

/// Opens what was looked at, if it may be read.
pub(super) fn open_found(
    path: &Path,
    found: Result<Found, TapeError>,
    options: &OpenOptions,
) -> Result<Box<dyn Source>, TapeError> {
    options.guard_found(path, found, |found| find(found, path, options), |source| source.tape())
}

/// Opens what may be read.
pub(super) fn find(found: Found, path: &Path, options: &OpenOptions) -> Result<Box<dyn Source>, TapeError> {
    let file = match found {
        Found::File(file) => file,
        database => return sqlite(database, path, options),
    };
    let beginning = beginning(&file).map_err(|error| TapeError::io(path.display(), error))?;
    if beginning.starts_with(ZSTD) || begins_sealed(&beginning) || is_title(&beginning) {
        return Ok(Box::new(lines::Reader::of(file, path, options)?));
    }
    // SQLite is not there, or says that it is none of its own.
    if beginning.starts_with(DATABASE) {
        return sqlite(Found::File(file), path, options);
    }
    options.needs_no_key(path)?;
    Ok(Box::new(json::Reader::of(file, path)?.asking(options)))
}

#[cfg(feature = "sqlite")]
fn sqlite(found: Found, path: &Path, options: &OpenOptions) -> Result<Box<dyn Source>, TapeError> {
    let mark = found.database(path)?;
    Ok(Box::new(super::sqlite::Reader::find(path, mark, options.wanted(), options)?))
}

#[cfg(not(feature = "sqlite"))]
fn sqlite(_: Found, path: &Path, _: &OpenOptions) -> Result<Box<dyn Source>, TapeError> {
    Err(TapeError::version(path, "a tape in SQLite needs the feature `sqlite` of shadowcat"))
}

/// The first line. The file is at its beginning again afterwards.
fn beginning(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    BufReader::new(file.take(super::version::MAX_TITLE as u64)).read_until(b'\n', &mut bytes)?;
    rewind(file)?;
    Ok(bytes)
}

/// The first line of JSON Lines; a document of one line holds its frames.
fn is_title(line: &[u8]) -> bool {
    text::is_json(line) && peek::member(line, "frames") == Ok(None)
}
