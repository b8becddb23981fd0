//! What the files of a rotated tape are.

use std::path::Path;

use super::part::{Before, PartWriter};
use super::parts::Part;
#[cfg(feature = "sqlite")]
use crate::tape::sqlite;
use crate::tape::{OpenOptions, Tape, TapeError, json, lines};

/// What the files of a [`Rotating`](super::Rotating) tape are.
///
/// ```
/// use shadowcat::tape::{PartFormat, lines};
///
/// let durable: PartFormat = lines::Options::new().durable(true).into();
/// assert!(matches!(durable, PartFormat::Lines(_)));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PartFormat {
    /// [JSON Lines](lines), packed and bound as the options say: `NAME.000001.jsonl`; compressed ones end with
    /// `.jsonl.zst`, encrypted ones with `.jsonl.sealed`.
    Lines(lines::Options),
    /// [JSON documents](json): `NAME.000001.json`. They are not appended to: whoever goes on with such a tape begins a new
    /// file, and what a crash left of the last one stays as it is. One that has no frame is replaced by a new one of its
    /// name, so that restarts without traffic push nothing out of what is [kept](super::Rotate::keep_files). That is begun
    /// in `NAME.000001.json.new`; where a crash has left such a file, whoever goes on with the tape removes it.
    Json,
    /// [SQLite](sqlite), one tape in a file, sealed and bound as the options say: `NAME.000001.db`. A file may be larger than it should by what is committed at
    /// once, and beside the last one stands a log of some MiB.
    #[cfg(feature = "sqlite")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
    Sqlite(sqlite::Options),
}

impl Default for PartFormat {
    /// Plain JSON Lines.
    fn default() -> Self {
        lines::Options::new().into()
    }
}

impl From<lines::Options> for PartFormat {
    fn from(options: lines::Options) -> Self {
        Self::Lines(options)
    }
}

#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
impl From<sqlite::Options> for PartFormat {
    fn from(options: sqlite::Options) -> Self {
        Self::Sqlite(options)
    }
}

/// The newest file of a tape that is gone on with.
pub(super) enum Newest {
    /// It is written to again.
    Open(Box<dyn PartWriter>),
    /// It has come so far, and another is to follow.
    Whole(Box<Tape>, Before),
}

impl PartFormat {
    /// How a file ends its name.
    pub(super) fn suffix(&self) -> &'static str {
        match self {
            Self::Lines(options) => options.suffix(),
            Self::Json => "json",
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => "db",
        }
    }

    pub(super) fn create(
        &self,
        path: &Path,
        tape: &Tape,
        before: Before,
    ) -> Result<Box<dyn PartWriter>, TapeError> {
        Ok(match self {
            Self::Lines(options) => Box::new(lines::Writer::create_after(path, tape, options, before)?),
            Self::Json => Box::new(json::Writer::create_after(path, tape, before)?),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(options) => Box::new(sqlite::Writer::create_after(path, tape, options, before)?),
        })
    }

    pub(super) fn resume(&self, part: &Part) -> Result<Newest, TapeError> {
        let path = &part.path;
        Ok(match self {
            Self::Lines(options) => Newest::Open(Box::new(lines::Writer::resume_with(path, options)?)),
            Self::Json => resume_json(part)?,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(options) => Newest::Open(Box::new(sqlite::Writer::resume_only(path, options)?)),
        })
    }

    /// A crash came before anything was in it that tells what it is.
    #[cfg_attr(not(feature = "sqlite"), allow(clippy::unused_self, unused_variables))]
    pub(super) fn is_blank(&self, path: &Path, bytes: u64) -> bool {
        #[cfg(feature = "sqlite")]
        if matches!(self, Self::Sqlite(_)) && bytes > 0 {
            return sqlite::tapes(path).is_ok_and(|tapes| tapes.is_empty());
        }
        bytes == 0
    }

    /// To read what was written so.
    pub(super) fn to_open(&self) -> OpenOptions {
        match self {
            Self::Lines(options) => options.to_open(),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(options) => options.to_open(),
            Self::Json => OpenOptions::new(),
        }
    }

    /// Removes a part, with what stands beside it.
    pub(super) fn remove(&self, path: &Path) -> std::io::Result<()> {
        std::fs::remove_file(path)?;
        #[cfg(feature = "sqlite")]
        if matches!(self, Self::Sqlite(_)) {
            sqlite::remove_beside(path);
        }
        Ok(())
    }
}

fn resume_json(part: &Part) -> Result<Newest, TapeError> {
    let json::Reached { tape, before, is_empty } = json::reached(&part.path)?;
    if is_empty && tape.part == Some(part.number) {
        let beside = json::beside(&part.path);
        // From a crash in the midst of this.
        if json::is_left(&beside, &tape.id, part.number) {
            std::fs::remove_file(&beside).map_err(|error| TapeError::io(beside.display(), error))?;
        }
        match json::Writer::replace(&part.path, &tape, before) {
            // Something of somebody else's is in the way: another number does as well.
            Err(error) if error.is_exists() => {}
            replaced => return Ok(Newest::Open(Box::new(replaced?))),
        }
    }
    Ok(Newest::Whole(Box::new(tape), before))
}
