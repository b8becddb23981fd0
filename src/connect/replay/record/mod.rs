//! A tape that is recorded where it is missing, or anew.
//!
//! Not by a [`Recorder`](crate::tape::Recorder): that one writes while it records, on a thread that `finish` would have to
//! wait for, and loses what its queue has no room for. Here all is kept in memory, or else nothing is written, so that it
//! can be compared with the old tape before it takes its place; and its session is the one that the options name.

mod changes;
mod leaf;
mod log;
mod mask;
mod save;
mod taped;

use super::ReplayError;

pub use changes::{Changed, Changes};
pub use taped::{Taped, TapedFuture};

/// Whether tapes are replayed or recorded.
///
/// ```
/// use shadowcat::connect::replay::Mode;
///
/// assert_eq!(Mode::VARIABLE, "SHADOWCAT_TAPES");
/// assert_eq!("missing".parse::<Mode>()?, Mode::Missing);
/// # Ok::<(), shadowcat::connect::replay::ReplayError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// `replay`: tapes are replayed, and one that is missing is an error.
    #[default]
    Replay,
    /// `missing`: tapes that are missing are recorded, all others replayed.
    Missing,
    /// `update`: all are recorded anew.
    Update,
}

impl Mode {
    /// The environment variable that says it.
    pub const VARIABLE: &str = "SHADOWCAT_TAPES";

    /// As the environment says; [`Replay`](Self::Replay) where it says nothing.
    ///
    /// # Errors
    ///
    /// It says something else than `replay`, `missing` or `update`.
    pub fn from_env() -> Result<Self, ReplayError> {
        match std::env::var_os(Self::VARIABLE) {
            None => Ok(Self::default()),
            Some(word) if word.is_empty() => Ok(Self::default()),
            Some(word) => word.to_string_lossy().parse(),
        }
    }
}

impl std::str::FromStr for Mode {
    type Err = ReplayError;

    fn from_str(word: &str) -> Result<Self, ReplayError> {
        match word {
            "replay" => Ok(Self::Replay),
            "missing" => Ok(Self::Missing),
            "update" => Ok(Self::Update),
            _ => Err(ReplayError::Mode(word.to_owned())),
        }
    }
}
