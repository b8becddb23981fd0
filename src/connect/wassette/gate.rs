//! What may be sent to a Wassette that one message too many makes deaf, or ends.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::error::Error;
use crate::message::{Code, JsonRpcMessage, Kind};
use crate::protocol::{Era, method};
use crate::reply::Reply;
use crate::wassette::{Dialect, Transport};

/// Shared by the clones of a connector.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) dialect: Dialect,
    transport: Transport,
    component_dir: Option<PathBuf>,
    /// How far the session is: one of the constants below.
    opening: AtomicU8,
    answered: AtomicU64,
    dropped: AtomicU64,
}

/// Why a component is not loaded.
pub(super) const EMPTIES: &str = "the file is in the component directory, where this version of wassette would \
                                  empty it; load it from elsewhere, or restart: it is loaded at the start";

const NOT_YET: u8 = 0;
/// `initialize` was sent; whatever else comes before `notifications/initialized` ends the server.
const OPENING: u8 = 1;
const OPEN: u8 = 2;

/// What is done with a message.
#[derive(Debug)]
pub(super) enum Verdict {
    Send,
    /// It opens the session once it is on its way.
    Open,
    /// Here, in the server's place; or with nothing, where nothing is due.
    Answer(Reply),
}

/// What was kept from the server so far, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kept {
    /// Requests that the connector answered.
    pub answered: u64,
    /// Notifications and answers that it dropped.
    pub dropped: u64,
}

impl Gate {
    pub(super) fn new(dialect: Dialect, component_dir: Option<PathBuf>) -> Self {
        Self {
            dialect,
            transport: Transport::Stdio,
            component_dir,
            opening: AtomicU8::new(NOT_YET),
            answered: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    /// The same for a server on a socket: what it cannot parse is refused there, and it listens on.
    #[cfg(feature = "http")]
    pub(super) fn over_http(self) -> Self {
        Self { transport: Transport::Http, ..self }
    }

    /// The next message that it cannot parse would be the last that it reads.
    fn goes_deaf(&self) -> bool {
        self.dialect.goes_deaf() && self.transport == Transport::Stdio
    }

    pub(super) fn kept(&self) -> Kept {
        Kept {
            answered: self.answered.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }

    /// `notifications/initialized` is on its way; what comes from now on comes behind it.
    pub(super) fn opened(&self) {
        self.opening.store(OPEN, Ordering::Relaxed);
    }

    /// It did not reach the server, which still waits for it unless it is gone.
    pub(super) fn not_opened(&self, error: &Error) {
        let to = if error.is_closed() { NOT_YET } else { OPENING };
        let _ = self.opening.compare_exchange(OPEN, to, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// How a request of the connector's own may go in; `None` while it may not.
    pub(super) fn era(&self) -> Option<Era> {
        match self.opening.load(Ordering::Relaxed) {
            OPEN => Some(Era::Legacy),
            NOT_YET if self.dialect.is_modern() => Some(Era::Modern),
            _ => None,
        }
    }

    /// The `initialize` that was sent failed, or its server is gone: another may be sent.
    pub(super) fn refused(&self) {
        let _ = self.opening.compare_exchange(OPENING, NOT_YET, Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(super) fn judge(&self, message: &JsonRpcMessage) -> Verdict {
        if message.is_session_listen() {
            return Verdict::Send;
        }
        if self.goes_deaf()
            && let Err(refusal) = self.dialect.understands(message)
        {
            return match refusal.code() {
                Some(code) => self.refuse(message, code, refusal),
                None => self.drop(message, &refusal.to_string()),
            };
        }
        match (self.opening.load(Ordering::Relaxed), message.kind(), message.method()) {
            (OPENING, Kind::Request, Some(method::INITIALIZE)) if self.dialect.goes_deaf() => {
                self.too_early(message)
            }
            (_, Kind::Request, Some(method::INITIALIZE)) => self.move_on(OPENING),
            (OPENING, Kind::Notification, Some(method::INITIALIZED)) => Verdict::Open,
            (OPEN, Kind::Request, Some(name)) if self.dialect.always_fails(name) => {
                self.answer_empty(message, name)
            }
            (OPEN, Kind::Request, Some(method::TOOLS_CALL)) if self.empties(message) => {
                let text = format!(r#"{{"type":"text","text":"Error: {EMPTIES}"}}"#);
                self.answer(message, &format!(r#"{{"content":[{text}],"isError":true}}"#))
            }
            (OPEN, ..) => Verdict::Send,
            _ if !self.dialect.goes_deaf() => Verdict::Send,
            _ => self.too_early(message),
        }
    }

    /// It would cost a component its content.
    pub(super) fn empties(&self, message: &JsonRpcMessage) -> bool {
        #[cfg(unix)]
        if self.dialect.empties_own_files()
            && let Some(directory) = &self.component_dir
        {
            return super::own_file::is_loaded(message, directory);
        }
        false
    }

    /// Outside a session, where whatever comes would end the server.
    fn too_early(&self, message: &JsonRpcMessage) -> Verdict {
        let next = match self.opening.load(Ordering::Relaxed) {
            NOT_YET => method::INITIALIZE,
            _ => method::INITIALIZED,
        };
        match message.kind() {
            Kind::Request if message.is_method(method::PING) => self.answer(message, "{}"),
            Kind::Request => {
                let why = format!("Not initialized: `{next}` comes first");
                self.refuse(message, Code::INVALID_REQUEST, why)
            }
            _ => self.drop(message, "the session is not open"),
        }
    }

    fn move_on(&self, to: u8) -> Verdict {
        self.opening.store(to, Ordering::Relaxed);
        Verdict::Send
    }

    /// The server has none of these, and fails to say so.
    fn answer_empty(&self, message: &JsonRpcMessage, method: &str) -> Verdict {
        let list = if method == method::PROMPTS_LIST { "prompts" } else { "resources" };
        self.answer(message, &format!(r#"{{"{list}":[]}}"#))
    }

    fn answer(&self, message: &JsonRpcMessage, result: &str) -> Verdict {
        self.answered.fetch_add(1, Ordering::Relaxed);
        Verdict::Answer(Reply::made_up(message, result))
    }

    fn refuse(&self, message: &JsonRpcMessage, code: Code, why: impl std::fmt::Display) -> Verdict {
        tracing::debug!(?message, %why, "kept from a wassette that it would make deaf");
        self.answered.fetch_add(1, Ordering::Relaxed);
        Verdict::Answer(Reply::refuse(message, code, why))
    }

    fn drop(&self, message: &JsonRpcMessage, why: &str) -> Verdict {
        tracing::debug!(?message, why, "kept from a wassette that it would make deaf");
        self.dropped.fetch_add(1, Ordering::Relaxed);
        Verdict::Answer(Reply::empty())
    }
}
