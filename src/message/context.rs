//! Facts that ride beside a message and never travel inside it.

use std::sync::{Arc, Mutex, PoisonError};

use http::Extensions;

use super::JsonRpcMessage;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a message has two ways to go")]
pub enum Direction {
    /// From the client toward the server.
    ToUpstream,
    /// From the server toward the client.
    ToClient,
}

/// What the messages of one session share. A message holds it by one `Arc`, so that a copy costs a refcount.
///
/// ```
/// use shadowcat::{Context, Direction};
///
/// let context = Context::new(Direction::ToUpstream).session("s-1").upstream("wassette");
/// assert_eq!(context.session_id(), Some("s-1"));
/// ```
#[derive(Clone, Debug)]
pub struct Context {
    direction: Direction,
    session_listen: bool,
    session: Option<Arc<str>>,
    upstream: Option<Arc<str>>,
    shared: Extensions,
}

impl Context {
    /// A context that knows the direction only.
    pub fn new(direction: Direction) -> Self {
        Self { direction, session_listen: false, session: None, upstream: None, shared: Extensions::new() }
    }

    /// Names the session.
    pub fn session(mut self, id: &str) -> Self {
        self.session = Some(id.into());
        self
    }

    /// Names the server, as the embedding application calls it.
    pub fn upstream(mut self, name: &str) -> Self {
        self.upstream = Some(name.into());
        self
    }

    /// Marks the front end's own listen: a connector to a server of a revision before 2026-07-28 answers it
    /// with what the server says unasked, and never writes it to the wire.
    pub fn session_listen(mut self) -> Self {
        self.session_listen = true;
        self
    }

    /// Which way the message goes.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The session's name.
    pub fn session_id(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// The server's name.
    pub fn upstream_name(&self) -> Option<&str> {
        self.upstream.as_deref()
    }

    /// Whether this is the context of a front end's own listen.
    pub fn is_session_listen(&self) -> bool {
        self.session_listen
    }

    /// Other facts of the session, by type: an identity, a protocol era.
    pub fn shared(&self) -> &Extensions {
        &self.shared
    }

    /// The same, to add to.
    pub fn shared_mut(&mut self) -> &mut Extensions {
        &mut self.shared
    }
}

/// Where a front end leaves the client's `notifications/cancelled` before it drops the call, so that the
/// connector forwards that message, reason and all, and writes one of its own only when there was none.
///
/// ```
/// use shadowcat::{Cancellation, JsonRpcMessage};
///
/// let cancellation = Cancellation::default();
/// let request = JsonRpcMessage::request(1, "ping", "")?.with_cancellation(cancellation.clone());
/// cancellation.set(JsonRpcMessage::notification("notifications/cancelled", r#"{"requestId":1}"#)?);
/// assert!(request.cancellation().unwrap().take().is_some());
/// # Ok::<(), shadowcat::ParseError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Arc<Mutex<Option<JsonRpcMessage>>>);

impl Cancellation {
    /// Leaves the client's message; a second one replaces the first.
    pub fn set(&self, message: JsonRpcMessage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(message);
    }

    /// Takes the message, if the client sent one.
    pub fn take(&self) -> Option<JsonRpcMessage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Makes it fit for another call, if nobody else holds it.
    pub(crate) fn recycle(mut self) -> Option<Self> {
        let slot = Arc::get_mut(&mut self.0)?;
        *slot.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        Some(self)
    }
}
