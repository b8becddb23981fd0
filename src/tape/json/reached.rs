//! How far a document has come, so that another goes on from there.

use std::path::Path;

use super::Reader;
use crate::tape::appender::{lock, unlock};
use crate::tape::rotating::Before;
use crate::tape::{Source, Tape, TapeError, found};

/// How far a document has come, so that another goes on from there.
pub(in crate::tape) struct Reached {
    /// What is known of the tape.
    pub(in crate::tape) tape: Tape,
    /// Its last frame: of what a crash has cut, the last that is whole.
    pub(in crate::tape) before: Before,
    /// It has no frame of its own, nor what a crash has left of one.
    pub(in crate::tape) is_empty: bool,
}

/// How far a document has come, to which nobody is writing.
pub(in crate::tape) fn reached(path: &Path) -> Result<Reached, TapeError> {
    let failed = |error| TapeError::io(path.display(), error);
    let file = found::append(path)?;
    lock(&file, path)?;
    let mut reader = Reader::of(file.try_clone().map_err(failed)?, path)?;
    let (mut at, mut is_empty) = (reader.before().at, true);
    let start = reader.behind();
    while let Some(entry) = reader.next() {
        match entry {
            Err(error) if error.is_torn() => {
                is_empty &= reader.behind() == start;
                break;
            }
            entry => (at, is_empty) = (Some(entry?.at), false),
        }
    }
    unlock(&file);
    let before = Before { frames: reader.frames(), at, tip: None }.checked(path)?;
    Ok(Reached { tape: reader.tape().clone(), before, is_empty })
}
