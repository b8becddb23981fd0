//! What a rule is asked about.

use std::borrow::Cow;
use std::cell::OnceCell;

use serde_json::Value;

use crate::message::{Direction, JsonRpcMessage, Kind};
use crate::protocol::{Era, method, peek};

/// A message, and what is known about it.
///
/// ```
/// use shadowcat::{Direction, JsonRpcMessage, rules::Seen};
///
/// let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"add"}"#)?;
/// let seen = Seen::new(&call, Direction::ToUpstream).session("s-1");
/// assert_eq!(seen.method(), Some("tools/call"));
/// # Ok::<(), shadowcat::ParseError>(())
/// ```
#[derive(Debug)]
pub struct Seen<'a> {
    message: &'a JsonRpcMessage,
    direction: Direction,
    request: Option<&'a JsonRpcMessage>,
    pub(super) session: Option<&'a str>,
    pub(super) principal: Option<&'a str>,
    pub(super) upstream: Option<&'a str>,
    pub(super) client: Option<&'a str>,
    pub(super) component: Option<&'a str>,
    pub(super) era: Option<Era>,
    document: OnceCell<Option<Value>>,
    request_document: OnceCell<Option<Value>>,
    name: OnceCell<Result<Option<Cow<'a, str>>, Undecided>>,
}

/// A rule could not be asked about a message: its name stands twice, or is no text, or no tree can be made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it cannot be told whether a rule is meant for the message")]
pub struct Undecided;

macro_rules! facts {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        $($(#[$doc])* pub fn $name(mut self, $name: impl Into<Option<$type>>) -> Self {
            self.$name = $name.into();
            self
        })*
    };
}

impl<'a> Seen<'a> {
    /// Only the message, and its direction.
    pub fn new(message: &'a JsonRpcMessage, direction: Direction) -> Self {
        Self {
            message,
            direction,
            request: (message.kind() == Kind::Request).then_some(message),
            session: None,
            principal: None,
            upstream: None,
            client: None,
            component: None,
            era: None,
            document: OnceCell::new(),
            request_document: OnceCell::new(),
            name: OnceCell::new(),
        }
    }

    /// The request that a response answers, or that another message belongs to.
    pub fn request(mut self, request: Option<&'a JsonRpcMessage>) -> Self {
        self.request = request;
        self
    }

    facts! {
        /// The session's name.
        session: &'a str;
        /// Who called.
        principal: &'a str;
        /// The server's name, as the application calls it.
        upstream: &'a str;
        /// The client's name, as it tells it.
        client: &'a str;
        /// The Wassette component that the tool is of.
        component: &'a str;
        /// The era of the protocol that is spoken.
        era: Era;
    }

    /// The message itself.
    pub fn message(&self) -> &'a JsonRpcMessage {
        self.message
    }

    /// Which way it goes.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Its method; of a response, that of its request.
    pub fn method(&self) -> Option<&'a str> {
        self.message.method().or_else(|| self.request?.method())
    }

    /// The tool's name of a `tools/call`, the prompt's of a `prompts/get`, the URI of a `resources/…`, whichever it is;
    /// of a response, its request's.
    ///
    /// # Errors
    ///
    /// It stands twice, or is no text.
    pub fn name(&self) -> Result<Option<&str>, Undecided> {
        let name = self.name.get_or_init(|| {
            let response = self.message.kind() == Kind::Response;
            let named = if response { self.request } else { Some(self.message) };
            named.map_or(Ok(None), name)
        });
        name.as_ref().map(|name| name.as_deref()).map_err(|undecided| *undecided)
    }

    /// The message as a tree, made once.
    pub(crate) fn document(&self) -> Result<&Value, Undecided> {
        self.document.get_or_init(|| tree(self.message)).as_ref().ok_or(Undecided)
    }

    /// Its request as a tree; null, where there is none.
    pub(super) fn request_document(&self) -> Result<&Value, Undecided> {
        let document = self.request_document.get_or_init(|| self.request.map_or(Some(Value::Null), tree));
        document.as_ref().ok_or(Undecided)
    }
}

fn tree(message: &JsonRpcMessage) -> Option<Value> {
    serde_json::from_slice(message.bytes()).ok()
}

fn name(message: &JsonRpcMessage) -> Result<Option<Cow<'_, str>>, Undecided> {
    let name = match message.method() {
        Some(method::TOOLS_CALL) => peek::tool_name(message),
        Some(method::PROMPTS_GET) => peek::prompt_name(message),
        Some(method) if method.trim_start_matches("notifications/").starts_with("resources/") => {
            peek::text(message.params().unwrap_or_default(), "uri")
        }
        _ => return Ok(None),
    };
    name.map_err(|_| Undecided)
}
