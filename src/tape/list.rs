//! What tapes there are.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::copy::open_found;
use super::found::{Found, rewind};
use super::until_torn::UntilTorn;
use super::{OpenOptions, Purpose, Source, Tape, TapeError, TapeId};
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
    list_with(path, &OpenOptions::new())
}

/// Lists tapes as [`list()`] does, with their keys, and what may be read of them. What may not is an error in its place,
/// and so is, where there is a key, a tape that needs none.
///
/// ```
/// use shadowcat::tape::{self, OpenOptions, Sink, Tape, lines};
///
/// # let folder = std::env::temp_dir().join(format!("shadowcat-list-with-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// for team in ["blue", "red"] {
///     let tape = Tape::new()?.label("team", team);
///     lines::Writer::create(folder.join(format!("{team}.jsonl")), &tape)?.finish()?;
/// }
/// let options = OpenOptions::new().check(|tape| match tape.labels.get("team").map(String::as_str) {
///     Some("blue") => Ok(()),
///     _ => Err("it belongs to another team".to_owned()),
/// });
/// let (blue, red): (Vec<_>, Vec<_>) = tape::list_with(&folder, &options)?.partition(Result::is_ok);
/// assert!(blue.len() == 1 && red[0].as_ref().is_err_and(|error| error.is_refused()));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`list()`].
pub fn list_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Listing, TapeError> {
    let path = path.as_ref();
    let failed = |error| TapeError::io(path.display(), error);
    let options = options.clone().purpose(Purpose::List);
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        let paths = [path.to_owned()].into();
        return Ok(Listing { paths, several: VecDeque::new(), is_folder: false, options });
    }
    let mut paths = Vec::new();
    for file in std::fs::read_dir(path).map_err(failed)? {
        let file = file.map_err(failed)?;
        if file.file_type().map_err(failed)?.is_file() {
            paths.push(file.path());
        }
    }
    paths.sort();
    Ok(Listing { paths: paths.into(), several: VecDeque::new(), is_folder: true, options })
}

/// The tapes that [`list()`] finds.
pub struct Listing {
    paths: VecDeque<PathBuf>,
    /// Those of the last file, if it holds more than one.
    several: VecDeque<(PathBuf, TapeId)>,
    is_folder: bool,
    options: OpenOptions,
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
        let mut entries = UntilTorn::new(&mut source);
        for entry in &mut entries {
            let entry = entry?;
            listed.entries += 1;
            listed.bytes += entry.bytes.len() as u64;
            listed.duration = listed.duration.max(entry.at);
            listed.see(entry.session);
        }
        listed.is_torn = entries.is_torn();
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
    /// The tape of the next file, unless it holds several; what is no tape is passed by in a folder. The file is looked
    /// at once.
    fn open(&mut self, path: &Path) -> Result<Option<Box<dyn Source>>, TapeError> {
        let found = Found::read(path);
        let ids = match &found {
            Ok(found) if self.options.wanted().is_none() => several(found, path),
            _ => Vec::new(),
        };
        if !ids.is_empty() {
            self.several = ids.into_iter().map(|id| (path.to_owned(), id)).collect();
            return Ok(None);
        }
        let again = found.as_ref().ok().and_then(|found| found.again().ok()).filter(|_| self.is_folder);
        match open_found(path, found, &self.options) {
            Err(error)
                if self.is_folder && (error.is_foreign() || is_foreign(again, path, &self.options)) =>
            {
                Ok(None)
            }
            opened => opened.map(Some),
        }
    }
}

impl Iterator for Listing {
    type Item = Result<Listed, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((path, id)) = self.several.pop_front() {
                let tape = open_one(&path, &id, &self.options);
                return Some(tape.and_then(|tape| Listed::read(path, tape)));
            }
            let path = self.paths.pop_front()?;
            match self.open(&path) {
                Ok(Some(tape)) => return Some(Listed::read(path, tape)),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing").field("paths", &self.paths).finish_non_exhaustive()
    }
}

/// Whether it is no tape, which is not known of what may not be read or has no key.
fn is_foreign(found: Option<Found>, path: &Path, options: &OpenOptions) -> bool {
    let Some(found) = found else { return false };
    if let Found::File(file) = &found
        && rewind(file).is_err()
    {
        return false;
    }
    open_found(path, Ok(found), &options.unasked()).is_err_and(|error| error.is_foreign())
}

/// The tapes of a file that holds more than one: each is opened when it is its turn.
#[cfg(feature = "sqlite")]
fn several(found: &Found, path: &Path) -> Vec<TapeId> {
    let Found::Database(mark) = found else { return Vec::new() };
    super::sqlite::tapes_of(path, *mark).ok().filter(|ids| ids.len() > 1).unwrap_or_default()
}

#[cfg(not(feature = "sqlite"))]
fn several(_: &Found, _: &Path) -> Vec<TapeId> {
    Vec::new()
}

#[cfg(feature = "sqlite")]
fn open_one(path: &Path, id: &TapeId, options: &OpenOptions) -> Result<Box<dyn Source>, TapeError> {
    Ok(Box::new(super::sqlite::Reader::open_tape_with(path, id, options)?))
}

#[cfg(not(feature = "sqlite"))]
fn open_one(path: &Path, _: &TapeId, options: &OpenOptions) -> Result<Box<dyn Source>, TapeError> {
    super::open_with(path, options)
}
