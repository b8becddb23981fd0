//! What breaks below a stack.

use std::fmt;
use std::sync::Arc;

use http::Extensions;

/// Any error, as tower's own middleware carries it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A broken channel: the call cannot be answered by the server any more, or never reached it.
///
/// A refusal is no error but a reply. What went wrong is asked by `is_…()`; the text is for people. A clone
/// costs a refcount, because one dead server fails many calls.
///
/// ```
/// use shadowcat::Error;
///
/// let error = Error::closed("the server exited with status 1");
/// assert!(error.is_closed() && !error.is_timeout());
/// assert_eq!(error.to_string(), "the server exited with status 1");
/// ```
#[derive(Clone)]
pub struct Error {
    inner: Arc<Inner>,
    unsent: bool,
}

struct Inner {
    kind: Kind,
    text: String,
    source: Option<BoxError>,
    extensions: Extensions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Closed,
    SessionLost,
    Timeout,
    TooLarge,
    Overflow,
    Busy,
    Invalid,
    Io,
    Limit,
    Other,
}

#[cfg(feature = "tape")]
impl Kind {
    const WORDS: [(Self, &'static str); 10] = [
        (Self::Closed, "closed"),
        (Self::SessionLost, "session_lost"),
        (Self::Timeout, "timeout"),
        (Self::TooLarge, "too_large"),
        (Self::Overflow, "overflow"),
        (Self::Busy, "busy"),
        (Self::Invalid, "invalid"),
        (Self::Io, "io"),
        (Self::Limit, "limit_exceeded"),
        (Self::Other, "other"),
    ];
}

#[cfg(feature = "tape")]
impl Error {
    /// One of the kind that a word names, if there is one.
    pub(crate) fn of_word(word: &str, text: impl fmt::Display) -> Option<Self> {
        let (kind, _) = Kind::WORDS.into_iter().find(|(_, known)| *known == word)?;
        Some(Self::new(kind, text))
    }

    /// What its kind is called on a tape.
    pub(crate) fn word(&self) -> &'static str {
        let known = Kind::WORDS.into_iter().find(|(kind, _)| *kind == self.inner.kind);
        known.map_or("other", |(_, word)| word)
    }
}

impl Error {
    fn new(kind: Kind, text: impl fmt::Display) -> Self {
        Self::with_source(kind, text.to_string(), None)
    }

    fn with_source(kind: Kind, text: String, source: Option<BoxError>) -> Self {
        let extensions = Extensions::new();
        Self { inner: Arc::new(Inner { kind, text, source, extensions }), unsent: false }
    }

    /// The other side is gone.
    pub fn closed(text: impl fmt::Display) -> Self {
        Self::new(Kind::Closed, text)
    }

    /// The other side was made anew and does not know the session any more.
    pub fn session_lost(text: impl fmt::Display) -> Self {
        Self::new(Kind::SessionLost, text)
    }

    /// It took too long.
    pub fn timeout(text: impl fmt::Display) -> Self {
        Self::new(Kind::Timeout, text)
    }

    /// More bytes than the limit allows.
    pub fn too_large(text: impl fmt::Display) -> Self {
        Self::new(Kind::TooLarge, text)
    }

    /// A queue was full because its reader is slow; that reader's reply ends here.
    pub fn overflow(text: impl fmt::Display) -> Self {
        Self::new(Kind::Overflow, text)
    }

    /// There is no room for another call now.
    pub fn busy(text: impl fmt::Display) -> Self {
        Self::new(Kind::Busy, text)
    }

    /// A peer sent what cannot be accepted.
    pub fn invalid(text: impl fmt::Display) -> Self {
        Self::new(Kind::Invalid, text)
    }

    /// Reading, writing or spawning failed; `doing` says what was being done.
    pub fn io(doing: impl fmt::Display, source: std::io::Error) -> Self {
        let text = format!("{doing}: {source}");
        Self::with_source(Kind::Io, text, Some(source.into()))
    }

    /// The other side took more of the machine than it may, and was ended for it.
    pub fn limit_exceeded(text: impl fmt::Display) -> Self {
        Self::new(Kind::Limit, text)
    }

    /// The same kind of error, and what it happened within.
    pub(crate) fn within(&self, what: impl fmt::Display) -> Self {
        self.copy(format!("{what}: {self}"))
    }

    /// The same kind of error, with its facts, caused by this one.
    fn copy(&self, text: String) -> Self {
        let (source, extensions) = (Some(self.clone().into()), self.inner.extensions.clone());
        let inner = Inner { kind: self.inner.kind, text, source, extensions };
        Self { inner: Arc::new(inner), unsent: self.unsent }
    }

    /// With a fact about the failure: what an HTTP server said, as a [`reply::Upstream`](crate::reply::Upstream).
    ///
    /// ```
    /// use http::StatusCode;
    /// use shadowcat::{Error, reply::Upstream};
    ///
    /// let said = Upstream::new(StatusCode::BAD_GATEWAY, Default::default(), None);
    /// let error = Error::closed("the server answered HTTP 502").with_extension(said);
    /// assert_eq!(error.extensions().get::<Upstream>().unwrap().status, 502);
    /// ```
    pub fn with_extension<T: Clone + Send + Sync + 'static>(mut self, fact: T) -> Self {
        if Arc::get_mut(&mut self.inner).is_none() {
            self = self.copy(self.inner.text.clone()); // others hold it, and do not know the fact
        }
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.extensions.insert(fact);
        }
        self
    }

    /// Facts about the failure, by type; never written to the wire by themselves.
    pub fn extensions(&self) -> &Extensions {
        &self.inner.extensions
    }

    /// The same error for a message that never left.
    pub fn unsent(mut self) -> Self {
        self.unsent = true;
        self
    }

    /// The other side is gone, or its pipe failed, or it was ended for exceeding a limit.
    pub fn is_closed(&self) -> bool {
        matches!(self.inner.kind, Kind::Closed | Kind::SessionLost | Kind::Io | Kind::Limit)
    }

    /// The server lives, but the session is gone: a client has to begin a new one. It counts as closed.
    pub fn is_session_lost(&self) -> bool {
        self.inner.kind == Kind::SessionLost
    }

    /// A deadline passed.
    pub fn is_timeout(&self) -> bool {
        self.inner.kind == Kind::Timeout
    }

    /// A limit of size was exceeded.
    pub fn is_too_large(&self) -> bool {
        self.inner.kind == Kind::TooLarge
    }

    /// A reader was too slow and lost the rest of its reply.
    pub fn is_overflow(&self) -> bool {
        self.inner.kind == Kind::Overflow
    }

    /// There was no room for the call.
    pub fn is_busy(&self) -> bool {
        self.inner.kind == Kind::Busy
    }

    /// The peer's message could not be accepted.
    pub fn is_invalid(&self) -> bool {
        self.inner.kind == Kind::Invalid
    }

    /// An operating system call failed.
    pub fn is_io(&self) -> bool {
        self.inner.kind == Kind::Io
    }

    /// The other side was ended because it exceeded a limit of memory, CPU time or the like.
    pub fn is_limit_exceeded(&self) -> bool {
        self.inner.kind == Kind::Limit
    }

    /// The message never left: the only kind of failure that may be retried blindly.
    pub fn is_unsent(&self) -> bool {
        self.unsent
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.inner.kind)
            .field("unsent", &self.unsent)
            .field("text", &self.inner.text)
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.text)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}

impl From<BoxError> for Error {
    /// Keeps an [`Error`] as it is; anything else keeps its text, and is none of the kinds that can be asked for.
    fn from(error: BoxError) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => *own,
            Err(other) => {
                let text = other.to_string();
                Self::with_source(Kind::Other, text, Some(other))
            }
        }
    }
}
