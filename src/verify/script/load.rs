//! The entries of one session, in memory.

use crate::tape::kept::{Chosen, Kept, NotKept, Session, Wanted};
use crate::tape::{Entry, Source, Tape};
use crate::verify::VerifyError;

/// Which of a tape's entries are played: at the client's edge, where it asked anything there.
#[derive(Clone, Debug, Default)]
pub(in crate::verify) struct Which {
    pub(in crate::verify) session: Chosen,
    pub(in crate::verify) max_bytes: usize,
}

#[derive(Debug)]
pub(in crate::verify) struct Loaded {
    pub(in crate::verify) tape: Tape,
    pub(in crate::verify) entries: Vec<Entry>,
    /// It ends in the middle, or entries are lost.
    pub(in crate::verify) is_incomplete: bool,
}

/// Reads a tape up to its end; it blocks.
pub(in crate::verify) fn load(source: &mut dyn Source, which: &Which) -> Result<Loaded, VerifyError> {
    let wanted = Wanted { session: &which.session, edge: None, max_bytes: which.max_bytes };
    let (mut kept, mut is_torn) = (Kept::new(wanted), false);
    for (at, entry) in (&mut *source).enumerate() {
        match entry {
            Ok(entry) => kept.take(at + 1, entry)?,
            Err(error) if error.is_torn() => {
                is_torn = true;
                break;
            }
            Err(error) => return Err(VerifyError::tape(error)),
        }
    }
    let Session { entries, edge, lost } = kept.session()?;
    let entries = entries.into_iter().map(|(_, entry)| entry).filter(|entry| entry.edge == edge).collect();
    Ok(Loaded { tape: source.tape().clone(), entries, is_incomplete: is_torn || lost > 0 })
}

impl From<NotKept> for VerifyError {
    fn from(why: NotKept) -> Self {
        match why {
            NotKept::NoSession { name: Some(name), there } => {
                Self::session(format_args!("it has no session {name:?}; it has {there}"))
            }
            NotKept::NoSession { name: None, there } => {
                Self::session(format_args!("it has no request outside of sessions; it has {there}"))
            }
            NotKept::Several(there) => {
                Self::session(format_args!("it has several sessions, choose one by `session`: {there}"))
            }
            NotKept::TooLarge(most) => Self::too_large(most),
        }
    }
}
