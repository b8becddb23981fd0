//! What is told of a tape that somebody opens.

use std::fmt;
use std::path::Path;

use super::{Tape, TapeError};
use crate::shown::{escape, name};

/// Bytes of an id, and of a path or an error, as they are shown.
const NAME: usize = 96;
const MOST: usize = 1024;

/// What a tape is opened for.
///
/// ```
/// use shadowcat::tape::Purpose;
///
/// assert_eq!(Purpose::default(), Purpose::Read);
/// assert_eq!(Purpose::Replay.as_str(), "replay");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// To be read, whatever for.
    #[default]
    Read,
    /// To be [listed](super::list_with), which reads it through.
    List,
    /// To be answered from.
    Replay,
    /// To be recorded anew, in its place.
    Update,
    /// To be held against a server. Whoever opens a tape for that says so by
    /// [`OpenOptions::purpose`](super::OpenOptions::purpose).
    Verify,
}

impl Purpose {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::List => "list",
            Self::Replay => "replay",
            Self::Update => "update",
            Self::Verify => "verify",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What [`OpenOptions::on_open`](super::OpenOptions::on_open) is told: somebody opens a tape, or tries to. Its text is
/// one line for a log.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Opening<'a> {
    /// The file.
    pub path: &'a Path,
    /// What for.
    pub purpose: Purpose,
    /// The tape in it, or why it is not opened.
    pub outcome: Result<&'a Tape, &'a TapeError>,
}

impl fmt::Display for Opening<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.outcome {
            Ok(tape) => {
                let (path, id) = (self.path.display().to_string(), name(tape.id.as_str(), NAME));
                write!(f, "opened to {}: tape {id}, {}", self.purpose, shown(&path))
            }
            Err(error) => write!(f, "not opened to {}: {}", self.purpose, shown(&error.to_string())),
        }
    }
}

fn shown(text: &str) -> String {
    let mut out = String::new();
    if escape(&mut out, text, MOST) > 0 {
        out.push('…');
    }
    out
}
