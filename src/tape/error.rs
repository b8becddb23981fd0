//! Why a tape cannot be read or written.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::MAX_NAME_BYTES;
use super::advice::advice;

/// Why a tape cannot be read or written; the text says what, where, and what to do.
///
/// ```
/// use shadowcat::tape;
///
/// let error = tape::open("no-such.tape").err().expect("there is none");
/// assert!(error.is_io() && error.to_string().starts_with("no-such.tape: "));
/// ```
#[derive(Clone, Debug)]
pub struct TapeError {
    kind: Kind,
    text: String,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Io,
    Exists,
    Foreign,
    Version,
    Damaged,
    Torn,
    TooLarge,
    Busy,
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "only a file of many loses one"))]
    Removed,
    Key,
    Refused,
}

impl TapeError {
    fn new(kind: Kind, text: impl fmt::Display) -> Self {
        Self { kind, text: text.to_string(), source: None }
    }

    /// `what` is the path of the file in most cases: then there may be more to say.
    pub(super) fn io(what: impl fmt::Display, source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::AlreadyExists => Kind::Exists,
            _ => Kind::Io,
        };
        let what = what.to_string();
        let advice = advice(Path::new(&what), &source);
        Self { source: Some(Arc::new(source)), ..Self::new(kind, "") }.saying(&what, &advice)
    }

    fn saying(mut self, what: &str, advice: &str) -> Self {
        let source = self.source.as_ref().map(ToString::to_string).unwrap_or_default();
        self.text = format!("{what}: {source}{advice}");
        self
    }

    pub(super) fn foreign(path: &Path, why: impl fmt::Display) -> Self {
        Self::new(Kind::Foreign, format_args!("{}: no tape: {why}", path.display()))
    }

    pub(super) fn version(path: &Path, why: impl fmt::Display) -> Self {
        Self::new(Kind::Version, format_args!("{}: {why}", path.display()))
    }

    pub(super) fn damaged(place: impl fmt::Display, why: impl fmt::Display) -> Self {
        Self::new(Kind::Damaged, format_args!("{place}: damaged: {why}"))
    }

    pub(super) fn torn(place: impl fmt::Display, why: impl fmt::Display) -> Self {
        let advice = "`tape::copy` makes a whole tape of what stands before";
        Self::new(Kind::Torn, format_args!("{place}: the tape ends in the middle: {why}; {advice}"))
    }

    /// Of what is to be written, or cannot be read whatever the reader is told.
    pub(super) fn too_large(place: impl fmt::Display, max: usize) -> Self {
        let advice = "no tape takes it: leave it out, or what is large in it";
        Self::new(Kind::TooLarge, format_args!("{place}: a frame of more than {max} bytes; {advice}"))
    }

    /// Of what a reader can be told to read.
    pub(super) fn above_limit(place: impl fmt::Display, max: usize) -> Self {
        let advice = "a larger `max_frame_bytes` of its reader takes it";
        Self::new(Kind::TooLarge, format_args!("{place}: a frame of more than {max} bytes; {advice}"))
    }

    /// Of what is to be written.
    pub(super) fn long_name(path: &Path, what: &str) -> Self {
        let why = format!("the name of a {what} has more than {MAX_NAME_BYTES} bytes; no tape takes it");
        Self::new(Kind::TooLarge, format_args!("{}: {why}: shorten it", path.display()))
    }

    pub(super) fn busy(path: &Path) -> Self {
        let advice = "stop that, or wait for its end, and open it again";
        Self::new(Kind::Busy, format_args!("{}: somebody else is writing to it; {advice}", path.display()))
    }

    #[cfg(feature = "sqlite")]
    pub(super) fn removed(path: &Path, tape: impl fmt::Display) -> Self {
        Self::new(
            Kind::Removed,
            format_args!("{}: the tape {tape} was removed; begin another", path.display()),
        )
    }

    /// A tape in several files, and the file that whoever writes to it has locked.
    #[cfg(unix)]
    pub(super) fn held(base: &Path, lock: &Path) -> Self {
        let base = base.display();
        let advice = format!(
            "stop that, or wait for its end, and open it again: `fuser {}` tells who",
            lock.display()
        );
        Self::new(Kind::Busy, format_args!("{base}: somebody else is writing to this tape; {advice}"))
    }

    pub(super) fn key(path: &Path, why: impl fmt::Display) -> Self {
        Self::new(Kind::Key, format_args!("{}: {why}", path.display()))
    }

    pub(super) fn refused(path: &Path, why: impl fmt::Display) -> Self {
        Self::new(Kind::Refused, format_args!("{}: it may not be read: {why}", path.display()))
    }

    /// What comes out of a packed file tells by its kind what it is.
    pub(super) fn reading(path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::torn(path.display(), error),
            io::ErrorKind::InvalidData => Self::damaged(path.display(), error),
            _ => Self::io(path.display(), error),
        }
    }

    #[cfg(feature = "sqlite")]
    pub(super) fn caused(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into().into());
        self
    }

    /// Reading or writing failed: no such file, no permission, a full disk.
    pub fn is_io(&self) -> bool {
        self.kind == Kind::Io
    }

    /// There is a file of that name already. Nothing was changed.
    pub fn is_exists(&self) -> bool {
        self.kind == Kind::Exists
    }

    /// The file is no tape at all.
    pub fn is_foreign(&self) -> bool {
        self.kind == Kind::Foreign
    }

    /// The tape, or the SQLite that would read it, is of a version that cannot be used.
    pub fn is_version(&self) -> bool {
        self.kind == Kind::Version
    }

    /// The tape was changed or broke.
    pub fn is_damaged(&self) -> bool {
        self.kind == Kind::Damaged
    }

    /// The tape ends in the middle of a frame, as after a crash; all before it was read.
    pub fn is_torn(&self) -> bool {
        self.kind == Kind::Torn
    }

    /// A frame is larger than the limit, or a name longer than [`MAX_NAME_BYTES`].
    pub fn is_too_large(&self) -> bool {
        self.kind == Kind::TooLarge
    }

    /// The tape needs a key, or another one.
    pub fn is_key(&self) -> bool {
        self.kind == Kind::Key
    }

    /// By what [`OpenOptions`](super::OpenOptions) ask for, it may not be read.
    pub fn is_refused(&self) -> bool {
        self.kind == Kind::Refused
    }

    /// Somebody has removed the tape meanwhile: `tape::sqlite::forget` does. It cannot be written or read further.
    pub fn is_removed(&self) -> bool {
        self.kind == Kind::Removed
    }

    /// Somebody else writes to the tape.
    pub fn is_busy(&self) -> bool {
        self.kind == Kind::Busy
    }
}

impl fmt::Display for TapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for TapeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
