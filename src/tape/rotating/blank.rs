//! Parts that a crash left with nothing in them.
//!
//! For whoever holds the tape: somebody who writes to it may have such a part, too.

use std::path::Path;

use super::PartFormat;
use super::forget::facts;
use super::parts::{self, Part};
use crate::tape::TapeError;

/// The parts that there are, the oldest first, and apart from them those behind the last in which there is something.
pub(super) fn find(base: &Path, format: &PartFormat) -> Result<(Vec<Part>, Vec<Part>), TapeError> {
    let is_blank = |part: &Part| facts(part).is_some_and(|facts| format.is_blank(&part.path, facts.len()));
    let mut parts = parts::find(base)?;
    let last = parts.iter().rposition(|part| !is_blank(part));
    let blank = parts.split_off(last.map_or(0, |last| last + 1));
    Ok((parts, blank))
}

pub(super) fn remove(blank: &[Part], format: &PartFormat) -> Result<(), TapeError> {
    for part in blank {
        format.remove(&part.path).map_err(|error| TapeError::io(part.path.display(), error))?;
    }
    Ok(())
}
