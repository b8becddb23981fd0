//! What tapes there are.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Source, Tape, TapeError, open};
use crate::shown::name;

/// Sessions of one tape that are named.
const SESSIONS: usize = 1000;
/// Bytes of a name as it is shown.
const NAME: usize = 96;

/// Lists the tapes of a file, or of all files in a folder by their names; folders in it are passed by, and so is what is
/// no tape. Each tape is read through when it is asked for.
///
/// ```
/// use shadowcat::tape::{self, Entry, EntryKind, Sink, Tape, lines};
/// use shadowcat::Direction;
///
/// # let folder = std::env::temp_dir().join(format!("shadowcat-list-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let mut tape = lines::Writer::create(folder.join("monday.jsonl"), &Tape::new()?.transport("stdio"))?;
/// tape.append(&Entry::new(EntryKind::Note, Direction::ToClient, "hello").session("s-1"))?;
/// tape.finish()?;
///
/// for listed in tape::list(&folder)? {
///     let listed = listed?;
///     println!("{listed}");
///     assert_eq!((listed.entries, listed.sessions.len()), (1, 1));
/// }
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// There is no such file or folder, or it cannot be read. What is wrong with one tape is an item of its own.
pub fn list(path: impl AsRef<Path>) -> Result<Listing, TapeError> {
    let path = path.as_ref();
    let failed = |error| TapeError::io(path.display(), error);
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(Listing { paths: [path.to_owned()].into(), tapes: VecDeque::new(), is_folder: false });
    }
    let mut paths = Vec::new();
    for file in std::fs::read_dir(path).map_err(failed)? {
        let file = file.map_err(failed)?;
        if file.file_type().map_err(failed)?.is_file() {
            paths.push(file.path());
        }
    }
    paths.sort();
    Ok(Listing { paths: paths.into(), tapes: VecDeque::new(), is_folder: true })
}

/// The tapes that [`list`] finds.
pub struct Listing {
    paths: VecDeque<PathBuf>,
    /// Of the file that was opened last.
    tapes: VecDeque<(PathBuf, Box<dyn Source>)>,
    is_folder: bool,
}

/// A tape that is there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Listed {
    /// The file that it is in.
    pub path: PathBuf,
    /// What is known of it.
    pub tape: Tape,
    /// How many entries it has.
    pub entries: u64,
    /// Bytes of its messages.
    pub bytes: u64,
    /// The names of its sessions; the first thousand of them.
    pub sessions: BTreeSet<Arc<str>>,
    /// How long it took: as the tape says, or up to its last entry.
    pub duration: Duration,
    /// It ends in the middle, as after a crash.
    pub is_torn: bool,
}

impl Listed {
    fn read(path: PathBuf, mut source: Box<dyn Source>) -> Result<Self, TapeError> {
        let mut listed = Self {
            path,
            tape: source.tape().clone(),
            entries: 0,
            bytes: 0,
            sessions: BTreeSet::new(),
            duration: Duration::ZERO,
            is_torn: false,
        };
        for entry in &mut source {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if error.is_torn() => {
                    listed.is_torn = true;
                    break;
                }
                Err(error) => return Err(error),
            };
            listed.entries += 1;
            listed.bytes += entry.bytes.len() as u64;
            listed.duration = listed.duration.max(entry.at);
            listed.see(entry.session);
        }
        listed.tape = source.tape().clone();
        listed.see(listed.tape.session.clone());
        listed.duration = listed.tape.duration.unwrap_or(listed.duration);
        Ok(listed)
    }

    fn see(&mut self, session: Option<Arc<str>>) {
        if let Some(session) = session.filter(|_| self.sessions.len() < SESSIONS) {
            self.sessions.insert(session);
        }
    }
}

impl fmt::Display for Listed {
    /// One line; what a stranger wrote cannot drive a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display().to_string();
        write!(f, "{} {}", name(&path, path.len().max(NAME)), name(self.tape.id.as_str(), NAME))?;
        write!(f, " {}", crate::stamp::utc(self.tape.created))?;
        write!(f, " {:.1?}: {} entries, {} B", self.duration, self.entries, self.bytes)?;
        write!(f, ", {} sessions", self.sessions.len())?;
        f.write_str(if self.is_torn { ", torn" } else { "" })
    }
}

impl Listing {
    /// Opens the next file.
    fn open(&mut self, path: PathBuf) -> Result<(), TapeError> {
        match tapes(&path) {
            Ok(tapes) => self.tapes = tapes.into_iter().map(|tape| (path.clone(), tape)).collect(),
            Err(error) if error.is_foreign() && self.is_folder => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Iterator for Listing {
    type Item = Result<Listed, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((path, tape)) = self.tapes.pop_front() {
                return Some(Listed::read(path, tape));
            }
            let path = self.paths.pop_front()?;
            if let Err(error) = self.open(path) {
                return Some(Err(error));
            }
        }
    }
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing").field("paths", &self.paths).finish_non_exhaustive()
    }
}

/// All that one file holds.
#[cfg(feature = "sqlite")]
fn tapes(path: &Path) -> Result<Vec<Box<dyn Source>>, TapeError> {
    match super::sqlite::tapes(path) {
        Ok(ids) if ids.len() > 1 => ids
            .iter()
            .map(|id| Ok(Box::new(super::sqlite::Reader::open_tape(path, id)?) as Box<dyn Source>))
            .collect(),
        _ => Ok(vec![open(path)?]),
    }
}

#[cfg(not(feature = "sqlite"))]
fn tapes(path: &Path) -> Result<Vec<Box<dyn Source>>, TapeError> {
    Ok(vec![open(path)?])
}
