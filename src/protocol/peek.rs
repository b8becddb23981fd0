//! Lazy reads inside `params`, `result` and `_meta`: no tree is built, and text is copied only where it was
//! written with escapes.
//!
//! A key that stands twice is never read as either of its values: the read fails with [`Unreadable`], so that
//! a layer that decides can refuse instead of judging one value while the server acts on the other.
//!
//! ```
//! use shadowcat::{JsonRpcMessage, protocol::peek};
//!
//! let call = JsonRpcMessage::parse(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call",
//!     "params":{"n\u0061me":"echo","_meta":{"progressToken":"t"}}}"#)?;
//! assert_eq!(peek::tool_name(&call)?.as_deref(), Some("echo"));
//! assert_eq!(peek::progress_token(&call)?.unwrap().text().as_deref(), Some("t"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::borrow::Cow;

use super::{Era, ProtocolVersion, method};
use crate::message::{Id, JsonRpcMessage, decode_exact, members};

/// The key of `_meta` that says which revision a modern request speaks.
pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// The key of `_meta` that says what the client of a modern request can do.
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// The key of `_meta` in which the client of a modern request says what it is.
pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// The key of `_meta` in which the server of a modern result says what it is.
pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// The key of `_meta` that ties a message to a listen.
pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// A value that cannot be judged: peers would disagree about what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// The key stands twice.
    #[error("the key stands twice")]
    Duplicate,
    /// The value is not of the type that the protocol gives it.
    #[error("the value has another type")]
    Mistyped,
    /// The text holds a lone surrogate.
    #[error("the text holds a lone surrogate")]
    LoneSurrogate,
}

/// The value of `key` in the object `json`, raw.
///
/// # Errors
///
/// The key stands twice, compared after unescaping.
pub fn member<'a>(json: &'a [u8], key: &str) -> Result<Option<&'a [u8]>, Unreadable> {
    let mut found = members(json).filter(|member| member.is(key));
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(Unreadable::Duplicate),
        (first, None) => Ok(first.map(|member| member.value)),
    }
}

/// The text of `key` in the object `json`.
///
/// # Errors
///
/// The key stands twice, or its value is no text that every peer reads alike.
pub fn text<'a>(json: &'a [u8], key: &str) -> Result<Option<Cow<'a, str>>, Unreadable> {
    member(json, key)?.map(string).transpose()
}

/// The name of the tool that a `tools/call` calls.
///
/// # Errors
///
/// As [`text`].
pub fn tool_name(message: &JsonRpcMessage) -> Result<Option<Cow<'_, str>>, Unreadable> {
    param_of(message, method::TOOLS_CALL, "name")
}

/// The name of the prompt that a `prompts/get` asks for.
///
/// # Errors
///
/// As [`text`].
pub fn prompt_name(message: &JsonRpcMessage) -> Result<Option<Cow<'_, str>>, Unreadable> {
    param_of(message, method::PROMPTS_GET, "name")
}

/// The resource that a `resources/read`, `subscribe` or `unsubscribe` names.
///
/// # Errors
///
/// As [`text`].
pub fn resource_uri(message: &JsonRpcMessage) -> Result<Option<Cow<'_, str>>, Unreadable> {
    match message.method() {
        Some(method::RESOURCES_READ | method::RESOURCES_SUBSCRIBE | method::RESOURCES_UNSUBSCRIBE) => {
            text(message.params().unwrap_or_default(), "uri")
        }
        _ => Ok(None),
    }
}

/// The page that a list request asks for.
///
/// # Errors
///
/// As [`text`].
pub fn cursor(message: &JsonRpcMessage) -> Result<Option<Cow<'_, str>>, Unreadable> {
    text(message.params().unwrap_or_default(), "cursor")
}

/// The page that follows a list result.
///
/// # Errors
///
/// As [`text`].
pub fn next_cursor(message: &JsonRpcMessage) -> Result<Option<Cow<'_, str>>, Unreadable> {
    text(message.result().unwrap_or_default(), "nextCursor")
}

/// One member of `_meta`, raw.
///
/// # Errors
///
/// As [`member`]; also when `_meta` itself stands twice.
pub fn meta<'a>(message: &'a JsonRpcMessage, key: &str) -> Result<Option<&'a [u8]>, Unreadable> {
    let payload = message.params().or_else(|| message.result()).unwrap_or_default();
    if !message.is_strict() {
        member(payload, "_meta")?;
    }
    member(message.meta().unwrap_or_default(), key)
}

/// The revision that a message names: a modern request in `_meta`, an `initialize` in `params` or its answer.
///
/// # Errors
///
/// As [`text`].
pub fn protocol_version(message: &JsonRpcMessage) -> Result<Option<Cow<'_, str>>, Unreadable> {
    match meta(message, PROTOCOL_VERSION)? {
        Some(version) => string(version).map(Some),
        None if message.method().is_none_or(|name| name == method::INITIALIZE) => {
            text(message.params().or_else(|| message.result()).unwrap_or_default(), "protocolVersion")
        }
        None => Ok(None),
    }
}

/// The revision that the answer to an `initialize` agrees on, if it is a known one.
pub(crate) fn agreed_version(answer: &JsonRpcMessage) -> Option<ProtocolVersion> {
    protocol_version(answer).ok()??.parse().ok()
}

/// The era that a pipe's first request decides (2026-07-28 basic/versioning): a modern one names its version in
/// `_meta`. The probe of a client that does not know yet decides nothing.
pub(crate) fn settled_era(request: &JsonRpcMessage) -> Option<Era> {
    if request.is_method(method::DISCOVER) {
        return None;
    }
    let names_none = meta(request, PROTOCOL_VERSION) == Ok(None);
    Some(if names_none { Era::Legacy } else { Era::Modern })
}

/// The progress token: of a request in `_meta`, of `notifications/progress` in `params`.
///
/// # Errors
///
/// It stands twice, or is neither a string nor a number.
pub fn progress_token(message: &JsonRpcMessage) -> Result<Option<Id<'_>>, Unreadable> {
    if message.method() == Some(method::PROGRESS) {
        return token(member(message.params().unwrap_or_default(), "progressToken")?);
    }
    token(meta(message, "progressToken")?)
}

/// The request that a `notifications/cancelled` names.
///
/// # Errors
///
/// As [`progress_token`].
pub fn cancelled_id(message: &JsonRpcMessage) -> Result<Option<Id<'_>>, Unreadable> {
    match message.method() {
        Some(method::CANCELLED) => token(member(message.params().unwrap_or_default(), "requestId")?),
        _ => Ok(None),
    }
}

/// The listen that a message belongs to (2026-07-28 basic/patterns/subscriptions).
///
/// # Errors
///
/// As [`progress_token`].
pub fn subscription_id(message: &JsonRpcMessage) -> Result<Option<Id<'_>>, Unreadable> {
    token(meta(message, SUBSCRIPTION_ID)?)
}

fn param_of<'a>(
    message: &'a JsonRpcMessage,
    method: &str,
    key: &str,
) -> Result<Option<Cow<'a, str>>, Unreadable> {
    if message.method() != Some(method) {
        return Ok(None);
    }
    text(message.params().unwrap_or_default(), key)
}

fn token(json: Option<&[u8]>) -> Result<Option<Id<'_>>, Unreadable> {
    json.map(|json| Id::from_json(json).ok_or(Unreadable::Mistyped)).transpose()
}

/// The decoded text of a JSON string.
pub(crate) fn string(json: &[u8]) -> Result<Cow<'_, str>, Unreadable> {
    let inner =
        json.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).ok_or(Unreadable::Mistyped)?;
    let inner = std::str::from_utf8(inner).map_err(|_| Unreadable::Mistyped)?;
    decode_exact(inner).ok_or(Unreadable::LoneSurrogate)
}
