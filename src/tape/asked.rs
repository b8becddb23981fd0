//! What is asked of a tape when more of it is known than when it was looked for.

use std::path::Path;

use super::{OpenOptions, Opening, Tape, TapeError, TapeId};

impl OpenOptions {
    /// What is asked while a tape is read, and who is told.
    pub(super) fn asking(&self) -> Self {
        let mut asking = Self::new();
        (asking.purpose, asking.check, asking.hook) = (self.purpose, self.check.clone(), self.hook.clone());
        asking
    }

    /// The tape that is wanted alone, whoever asks.
    pub(super) fn unasked(&self) -> Self {
        self.tape.iter().cloned().fold(Self::new(), Self::tape)
    }

    /// The tape that is wanted, if one is named.
    pub(super) fn wanted(&self) -> Option<&TapeId> {
        self.tape.as_ref()
    }

    /// Whether it is the tape that is wanted.
    pub(super) fn is_wanted(&self, path: &Path, tape: &Tape) -> Result<(), TapeError> {
        match &self.tape {
            Some(id) if *id != tape.id => {
                Err(TapeError::foreign(path, format_args!("it holds no tape {id}, but {}", tape.id.shown())))
            }
            _ => Ok(()),
        }
    }

    /// Whether it may be read further, now that more is known of it. A refusal is told as one to open it is.
    pub(super) fn learned(&self, path: &Path, tape: &Tape) -> Result<(), TapeError> {
        let outcome = self.admit(path, tape);
        if let (Err(error), Some(hook)) = (&outcome, &self.hook) {
            hook(&Opening { path, purpose: self.purpose, outcome: Err(error) });
        }
        outcome
    }
}
