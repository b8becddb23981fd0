//! Why a tape cannot be replayed.

use std::fmt;

use crate::tape::TapeError;

/// Why a tape cannot be replayed; the text says what to do.
///
/// ```
/// use shadowcat::connect::Replay;
///
/// let error = Replay::from_path("no-such.json").unwrap_err();
/// assert!(error.to_string().starts_with("no-such.json: "));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The tape cannot be read or written.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// There is none, and this run is not to record one.
    #[error("{0}; run with SHADOWCAT_TAPES=missing to record it")]
    Missing(#[source] TapeError),
    /// `SHADOWCAT_TAPES` is no word that is known.
    #[error("SHADOWCAT_TAPES is {0:?}; it is replay, missing or update")]
    Mode(String),
    /// The tape holds no session of that name.
    #[error("the tape holds no session {name:?}; it holds {}", Names(there))]
    NoSession {
        /// The one that was chosen.
        name: String,
        /// Those that there are.
        there: Vec<String>,
    },
    /// The tape holds several sessions, and none was chosen.
    #[error("the tape holds several sessions, choose one by `session`: {}", Names(.0))]
    SeveralSessions(Vec<String>),
    /// The messages of the session are more than `max_bytes`.
    #[error("the session's messages are more than {0} bytes; a replay keeps them in memory, see `max_bytes`")]
    TooLarge(usize),
    /// The recorder lost entries, so that nobody knows what was answered to what.
    #[error("the recorder lost {0} entries of the tape; `incomplete` replays what is left")]
    Incomplete(u64),
    /// What stands on the tape as a message is none.
    #[error("frame {frame} of the tape is no message: {why}")]
    NoMessage {
        /// Counted from 1.
        frame: usize,
        /// What is wrong with it.
        why: crate::message::ParseError,
    },
    /// The tape holds no request.
    #[error("the tape holds no request of a client{0}")]
    Empty(&'static str),
    /// The server that was to be recorded cannot be made.
    #[error("the server to record cannot be started: {0}")]
    Leaf(#[source] crate::error::BoxError),
    /// Something was said that cannot be masked.
    #[error("a message cannot be masked; `unmasked` records it as it is")]
    Unmaskable,
    /// A tape to record has a name of no format.
    #[error("{0}: a tape is recorded as .json or .jsonl")]
    Name(String),
    /// A tape that is to be encrypted, or to have a chain, has a name of another format.
    #[error("{0}: only a .jsonl tape can be encrypted or have a chain, and there are keys for it")]
    NoKeys(String),
    /// The tape that is there is not recorded anew, since that would lose more than what is recorded, or hold what is
    /// masked on it.
    #[error("{path}: is not recorded anew: {why}; remove it, or record another")]
    Kept {
        /// The tape.
        path: String,
        /// What is with it.
        why: &'static str,
    },
    /// The file cannot be put in the place of the old one.
    #[error("{path}: cannot be replaced: {why}")]
    Replace {
        /// The tape.
        path: String,
        /// What the system says.
        why: std::io::Error,
    },
}

/// A few names.
struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let shown: Vec<&str> = self.0.iter().take(SHOWN).map(String::as_str).collect();
        write!(f, "{}", shown.join(", "))?;
        if self.0.len() > SHOWN {
            write!(f, " and {} more", self.0.len() - SHOWN)?;
        }
        Ok(())
    }
}
