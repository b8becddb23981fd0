//! Whether a tape is what its recorder wrote.

use std::path::Path;

use super::Reader;
use crate::key::Hash;
use crate::tape::lines::{Chained, Verified, verify_parts};
use crate::tape::{OpenOptions, TapeError, TapeId};

/// Goes through a tape that was recorded with a [chain](super::Options::chain): the files of a rotated tape in their
/// order, or just the one, each with one tape in it. Every entry is as it was written, and none was put in, left out or
/// moved, and so is what is known of the tape; or else the error names the first that is not.
///
/// What is cut off at the end is noticed, unless the tape as a whole was put back as it had been after an earlier commit:
/// that is a shorter chain that holds. Then the tape does not [end](Verified::ends). Of a tape that was finished and gone on
/// with later, it may have been put back to the first end; whoever must know that too keeps the
/// [tip](super::Writer::chain_tip) in another place.
///
/// ```
/// use shadowcat::tape::{Entry, EntryKind, Key, OpenOptions, Sink, Tape, sqlite};
/// use shadowcat::Direction;
///
/// # let path = std::env::temp_dir().join(format!("shadowcat-verify-{}.db", std::process::id()));
/// let key = Key::new([7; 32]); // in earnest: random, and kept where the tape is not
/// let options = sqlite::Options::new().chain(key.clone());
/// let mut tape = sqlite::Writer::create_with(&path, &Tape::new()?, &options)?;
/// tape.append(&Entry::new(EntryKind::Note, Direction::ToClient, "all is well"))?;
/// tape.finish()?;
///
/// let found = sqlite::verify([&path], &OpenOptions::new().chain(key))?;
/// assert!(found.ends && Some(found.tip) == tape.chain_tip());
/// # drop(tape);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// A file cannot be read, or the chain does not hold; the options name no key of a chain.
pub fn verify(
    paths: impl IntoIterator<Item = impl AsRef<Path>>,
    options: &OpenOptions,
) -> Result<Verified, TapeError> {
    verify_parts(paths, |path| Reader::open_with(path, options))
}

/// As [`verify`], of one of the tapes of a file.
///
/// ```
/// use shadowcat::tape::{Key, OpenOptions, Sink, Tape, sqlite};
///
/// # let path = std::env::temp_dir().join(format!("shadowcat-verify-tape-{}.db", std::process::id()));
/// let key = Key::new([7; 32]); // in earnest: random, and kept where the tape is not
/// let (plain, bound) = (Tape::new()?, Tape::new()?);
/// sqlite::Writer::create(&path, &plain)?.finish()?;
/// sqlite::Writer::add_to_with(&path, &bound, &sqlite::Options::new().chain(key.clone()))?.finish()?;
///
/// let options = OpenOptions::new().chain(key);
/// assert!(sqlite::verify_tape(&path, &bound.id, &options)?.ends);
/// assert!(sqlite::verify_tape(&path, &plain.id, &options).unwrap_err().is_damaged());
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`verify`]; there is no such tape.
pub fn verify_tape(
    path: impl AsRef<Path>,
    tape: &TapeId,
    options: &OpenOptions,
) -> Result<Verified, TapeError> {
    verify_parts([path], |path| Reader::open_tape_with(path, tape, options))
}

impl Chained for Reader {
    fn began(&self) -> Option<Hash> {
        self.check.began()
    }

    fn tip(&self) -> Option<Hash> {
        self.check.ended().map(|(tip, _)| tip)
    }

    fn is_ended(&self) -> bool {
        self.check.ended().is_some_and(|(_, is_finished)| is_finished)
    }

    fn first(path: &Path) -> String {
        path.display().to_string()
    }
}
