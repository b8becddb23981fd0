//! Who may read a tape, and who is told.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::{Tape, TapeError};
use crate::file;
use crate::key::Key;

type Check = dyn Fn(&Tape) -> Result<(), String> + Send + Sync;
type Hook = dyn Fn(&Path, Result<&Tape, &TapeError>) + Send + Sync;

/// What is asked of a tape before any of it is given away, and the keys that it needs.
///
/// [`open_with`](super::open_with) and [`lines::Reader::open_with`](super::lines::Reader::open_with) obey it.
///
/// ```
/// use shadowcat::tape::{self, OpenOptions, Sink, Tape, lines};
///
/// # let path = std::env::temp_dir().join(format!("shadowcat-open-{}.jsonl", std::process::id()));
/// lines::Writer::create(&path, &Tape::new()?.label("team", "red"))?.finish()?;
/// let options = OpenOptions::new()
///     .require_private_file()
///     .check(|tape| match tape.labels.get("team").map(String::as_str) {
///         Some("blue") => Ok(()),
///         _ => Err("it belongs to another team".to_owned()),
///     })
///     .on_open(|path, outcome| match outcome {
///         Ok(tape) => println!("{} was opened: {}", path.display(), tape.id), // into an audit log, say
///         Err(error) => println!("{error}"),
///     });
/// let error = tape::open_with(&path, &options).err().expect("it is of the red team");
/// assert!(error.is_refused());
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct OpenOptions {
    #[cfg(feature = "encryption")]
    key: Option<Key>,
    pub(super) chain: Option<Key>,
    private: bool,
    check: Option<Arc<Check>>,
    hook: Option<Arc<Hook>>,
}

impl OpenOptions {
    /// Nothing is asked, and there is no key.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a tape that was [encrypted](super::lines::Options::encrypt) with it. A tape that is not encrypted needs
    /// none, and is refused: it may have been put in the place of one that is.
    #[cfg(feature = "encryption")]
    #[cfg_attr(docsrs, doc(cfg(feature = "encryption")))]
    pub fn key(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// Reads only as far as the [chain](super::lines::Options::chain) holds. Only JSON Lines have one.
    pub fn chain(mut self, key: Key) -> Self {
        self.chain = Some(key);
        self
    }

    /// Refuses what does not belong to this user, or what others may read or write: its mode must be 0600. On Unix.
    pub fn require_private_file(mut self) -> Self {
        self.private = true;
        self
    }

    /// Asks whether this tape may be read, before its first entry is. The text of a refusal is told to whoever opens
    /// it.
    pub fn check(mut self, check: impl Fn(&Tape) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.check = Some(Arc::new(check));
        self
    }

    /// Tells of every tape that was opened, and of every one that was not, to be put into a log.
    pub fn on_open(
        mut self,
        hook: impl Fn(&Path, Result<&Tape, &TapeError>) + Send + Sync + 'static,
    ) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    #[cfg(feature = "encryption")]
    pub(super) fn sealed_by(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    #[cfg(not(feature = "encryption"))]
    #[expect(clippy::unused_self, reason = "with encryption there may be one")]
    pub(super) fn sealed_by(&self) -> Option<&Key> {
        None
    }

    /// Opens a file by `open`, if all is well with it, and tells of it.
    pub(super) fn guard<T>(
        &self,
        path: &Path,
        open: impl FnOnce(File) -> Result<T, TapeError>,
        tape: impl Fn(&T) -> &Tape,
    ) -> Result<T, TapeError> {
        let outcome = self.file(path).and_then(open).and_then(|source| {
            let answer = self.check.as_ref().map_or(Ok(()), |check| check(tape(&source)));
            answer.map_err(|why| TapeError::refused(path, why)).map(|()| source)
        });
        if let Some(hook) = &self.hook {
            hook(path, outcome.as_ref().map(tape));
        }
        outcome
    }

    fn file(&self, path: &Path) -> Result<File, TapeError> {
        if !self.private {
            return file::read(path).map_err(|error| TapeError::io(path.display(), error));
        }
        file::read_private(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidInput => TapeError::refused(path, error),
            _ => TapeError::io(path.display(), error),
        })
    }
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions")
            .field("key", &self.sealed_by())
            .field("chain", &self.chain)
            .field("private", &self.private)
            .finish_non_exhaustive()
    }
}
