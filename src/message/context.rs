//! Facts that ride beside a message and never travel inside it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use http::Extensions;

use super::{JsonRpcMessage, OwnedId};

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
    transport: Option<&'static str>,
    shared: Extensions,
    cancellations: Arc<Mutex<VecDeque<(OwnedId, JsonRpcMessage)>>>,
}

/// How many cancellations wait for their calls to be dropped; usually one at a time.
const CANCELLATIONS: usize = 64;

impl Context {
    /// A context that knows the direction only.
    pub fn new(direction: Direction) -> Self {
        Self {
            direction,
            session_listen: false,
            session: None,
            upstream: None,
            transport: None,
            shared: Extensions::new(),
            cancellations: Arc::default(),
        }
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

    /// Names the way between the client and the front end: `stdio`, `http`, or `http+sse` for that of 2024-11-05.
    ///
    /// ```
    /// use shadowcat::{Context, Direction};
    ///
    /// let context = Context::new(Direction::ToUpstream).transport("stdio");
    /// assert_eq!(context.transport_name(), Some("stdio"));
    /// ```
    pub fn transport(mut self, name: &'static str) -> Self {
        self.transport = Some(name);
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

    #[cfg(feature = "tape")]
    pub(crate) fn session_name(&self) -> Option<&Arc<str>> {
        self.session.as_ref()
    }

    /// The server's name.
    pub fn upstream_name(&self) -> Option<&str> {
        self.upstream.as_deref()
    }

    /// The way between the client and the front end.
    pub fn transport_name(&self) -> Option<&'static str> {
        self.transport
    }

    /// Whether this is the context of a front end's own listen.
    pub fn is_session_listen(&self) -> bool {
        self.session_listen
    }

    /// Leaves the client's `notifications/cancelled` for the request `id`, before the call is dropped: the
    /// connector then forwards this message, reason and all, and writes one of its own only where there is none.
    ///
    /// A front end leaves it, drops the call, and takes it back if nobody below did. At most 64 are kept; the
    /// oldest goes first.
    ///
    /// ```
    /// use shadowcat::{Context, Direction, JsonRpcMessage, OwnedId};
    ///
    /// let context = Context::new(Direction::ToUpstream);
    /// let cancel = JsonRpcMessage::notification("notifications/cancelled", r#"{"requestId":1,"reason":"bored"}"#)?;
    /// context.leave_cancellation(OwnedId::from(1), cancel.clone());
    /// assert_eq!(context.take_cancellation(&OwnedId::from(1)), Some(cancel));
    /// assert_eq!(context.take_cancellation(&OwnedId::from(1)), None);
    /// # Ok::<(), shadowcat::ParseError>(())
    /// ```
    pub fn leave_cancellation(&self, id: OwnedId, message: JsonRpcMessage) {
        let mut left = self.cancellations.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() == CANCELLATIONS {
            left.pop_front();
        }
        left.push_back((id, message));
    }

    /// Takes the message that cancels the request `id`, if the client sent one.
    pub fn take_cancellation(&self, id: &OwnedId) -> Option<JsonRpcMessage> {
        let mut left = self.cancellations.lock().unwrap_or_else(PoisonError::into_inner);
        let at = left.iter().position(|(cancelled, _)| cancelled == id)?;
        left.remove(at).map(|(_, message)| message)
    }

    /// A look at the message that cancels the request `id`, which stays for the connector to take.
    pub fn cancellation(&self, id: &OwnedId) -> Option<JsonRpcMessage> {
        let left = self.cancellations.lock().unwrap_or_else(PoisonError::into_inner);
        left.iter().find(|(cancelled, _)| cancelled == id).map(|(_, message)| message.clone())
    }

    /// Other facts of the session, by type: an identity, a protocol era.
    ///
    /// ```
    /// use shadowcat::{Context, Direction, protocol::Era};
    ///
    /// let mut context = Context::new(Direction::ToUpstream);
    /// context.shared_mut().insert(Era::Modern);
    /// assert_eq!(context.shared().get::<Era>(), Some(&Era::Modern));
    /// ```
    pub fn shared(&self) -> &Extensions {
        &self.shared
    }

    /// The same, to add to.
    pub fn shared_mut(&mut self) -> &mut Extensions {
        &mut self.shared
    }
}
