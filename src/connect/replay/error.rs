//! Why a tape cannot be replayed.

use std::fmt;

use crate::tape::TapeError;
use crate::tape::kept::There;

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
    /// The tape holds no session of that name, or nothing outside of sessions.
    #[error("the tape holds {}; it holds {}", Chosen(name.as_deref()), there_are(there, *unnamed))]
    NoSession {
        /// The one that was chosen; `None` is what was said outside of sessions.
        name: Option<String>,
        /// Those that there are, or some of them.
        there: Vec<String>,
        /// Something was said outside of them.
        unnamed: bool,
    },
    /// The tape holds several sessions, and none was chosen. What was said outside of sessions is as one.
    #[error("the tape holds several sessions, choose one by `session`: {}", there_are(names, *unnamed))]
    SeveralSessions {
        /// Their names, or some of them.
        names: Vec<String>,
        /// Something was said outside of them, and is chosen by [`Options::without_session`](super::Options::without_session).
        unnamed: bool,
    },
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

fn there_are(names: &[String], unnamed: bool) -> There {
    There { names: names.to_vec(), unnamed }
}

struct Chosen<'a>(Option<&'a str>);

impl fmt::Display for Chosen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, "no session {name:?}"),
            None => f.write_str("no request outside of sessions"),
        }
    }
}
