//! How far a document has come, so that another goes on from there.

use std::path::Path;

use super::Reader;
use crate::tape::appender::lock;
use crate::tape::rotating::Before;
use crate::tape::{Source, Tape, TapeError, found};

/// What is known of the tape, and its last frame: of what a crash has cut, the last that is whole.
pub(in crate::tape) fn reached(path: &Path) -> Result<(Tape, Before), TapeError> {
    let failed = |error| TapeError::io(path.display(), error);
    let file = found::append(path)?;
    lock(&file, path)?;
    let mut reader = Reader::of(file.try_clone().map_err(failed)?, path)?;
    let mut at = reader.before().at;
    for entry in &mut reader {
        match entry {
            Err(error) if error.is_torn() => break,
            entry => at = Some(entry?.at),
        }
    }
    let reached = Before { frames: reader.frames(), at, tip: None }.checked(path)?;
    Ok((reader.tape().clone(), reached))
}
