//! Why a tape cannot be played.

use std::fmt;

use crate::error::BoxError;
use crate::tape::TapeError;

/// Why a tape was not played, or not to its end; the text says what, and what to do. What a server answers
/// differently is no error but in the [`Report`](super::Report).
///
/// ```
/// use shadowcat::tape::{Sink, Tape, json};
/// use shadowcat::verify::Verify;
/// # use shadowcat::{Error, JsonRpcMessage, Reply};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = std::env::temp_dir().join(format!("shadowcat-verify-error-{}.json", std::process::id()));
/// # json::Writer::create(&path, &Tape::new()?)?.finish()?;
/// # let server = tower::service_fn(|_: JsonRpcMessage| async { Ok::<_, Error>(Reply::empty()) });
/// let error = Verify::new(json::Reader::open(&path)?).session("s-1").run(server).await.unwrap_err();
/// assert!(error.is_session() && error.to_string().contains("s-1"));
/// # std::fs::remove_file(&path)?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct VerifyError {
    kind: Kind,
    text: String,
    source: Option<BoxError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tape,
    TooLarge,
    Session,
    Empty,
    Component,
}

impl VerifyError {
    fn new(kind: Kind, text: impl fmt::Display) -> Self {
        Self { kind, text: text.to_string(), source: None }
    }

    pub(super) fn tape(error: TapeError) -> Self {
        let text = error.to_string();
        Self { kind: Kind::Tape, text, source: Some(error.into()) }
    }

    pub(super) fn unread() -> Self {
        Self::new(Kind::Tape, "the tape was not read to its end: its thread ended")
    }

    pub(super) fn too_large(max: usize) -> Self {
        Self::new(
            Kind::TooLarge,
            format_args!(
                "the session takes more than {max} bytes of memory; split it, or allow more by `max_bytes`"
            ),
        )
    }

    pub(super) fn session(why: impl fmt::Display) -> Self {
        Self::new(Kind::Session, format_args!("the tape cannot be played: {why}"))
    }

    pub(super) fn empty() -> Self {
        Self::new(Kind::Empty, "the tape has no call of a client that could be played")
    }

    pub(super) fn component(id: &str, why: impl fmt::Display) -> Self {
        Self::new(Kind::Component, format_args!("the component {id:?} of the tape: {why}"))
    }

    /// The tape cannot be read.
    pub fn is_tape(&self) -> bool {
        self.kind == Kind::Tape
    }

    /// The session takes more memory than it may.
    pub fn is_too_large(&self) -> bool {
        self.kind == Kind::TooLarge
    }

    /// The tape has several sessions and none was chosen, or not that one.
    pub fn is_session(&self) -> bool {
        self.kind == Kind::Session
    }

    /// There is nothing on the tape to hold a server against: no call of a client, or none that no layer answered.
    pub fn is_empty(&self) -> bool {
        self.kind == Kind::Empty
    }

    /// A component of the tape could not be loaded as it was, or not be given its policy.
    pub fn is_component(&self) -> bool {
        self.kind == Kind::Component
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for VerifyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
