//! Headers from a body.

use std::borrow::Cow;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use super::{ParamHeaders, encode_value};
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::peek::{self, Unreadable};
use crate::protocol::{Era, ProtocolVersion, header, method};

/// A message that no honest headers can be written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unmirrorable {
    /// The method or the version is not visible ASCII, and has no encoding that says so.
    #[error("a method or version that cannot stand in a header")]
    Text,
    /// Peers would disagree about what the body says.
    #[error("the body cannot be mirrored: {0}")]
    Body(#[from] Unreadable),
}

/// The headers of the POST that carries `message`, from the bytes that are sent.
///
/// `version` is what a legacy session agreed upon, or what a modern server is known to speak. A modern message that
/// names its own in `_meta` is sent with that. Only modern requests are mirrored: `Mcp-Method`, `Mcp-Name`, and
/// from `params`, the annotations of the called tool's schema, `Mcp-Param-…`.
///
/// ```
/// use shadowcat::JsonRpcMessage;
/// use shadowcat::wire::http::request_headers;
///
/// let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"get_weather",
///     "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#)?;
/// let headers = request_headers(&call, None, None)?;
/// assert_eq!(headers["mcp-protocol-version"], "2026-07-28");
/// assert_eq!(headers["mcp-method"], "tools/call");
/// assert_eq!(headers["mcp-name"], "get_weather");
/// assert_eq!(headers["accept"], "application/json, text/event-stream");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The message must not be sent.
pub fn request_headers(
    message: &JsonRpcMessage,
    version: Option<ProtocolVersion>,
    params: Option<&ParamHeaders>,
) -> Result<HeaderMap, Unmirrorable> {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    let own = own_version(message)?;
    if let Some(text) = own.as_deref().or(version.map(ProtocolVersion::as_str)) {
        headers.insert(header::PROTOCOL_VERSION, plain(text)?);
    }
    let modern = own.is_some() || version.is_some_and(|version| version.era() == Era::Modern);
    if let Some(name) = message.method().filter(|_| modern) {
        headers.insert(header::METHOD, plain(name)?);
        if let Some(name) = mirrored_name(message)? {
            headers.insert(header::NAME, encode_value(&name));
        }
        if let Some(params) = params.filter(|_| message.is_method(method::TOOLS_CALL)) {
            params.mirror(message, &mut headers)?;
        }
    }
    Ok(headers)
}

fn own_version(message: &JsonRpcMessage) -> Result<Option<Cow<'_, str>>, Unreadable> {
    if message.kind() == Kind::Response || peek::meta(message, peek::PROTOCOL_VERSION)?.is_none() {
        return Ok(None);
    }
    peek::text(message.meta().unwrap_or_default(), peek::PROTOCOL_VERSION)
}

/// What `Mcp-Name` says of the three methods of the core that have it, and of tasks (SEP-2663).
pub(super) fn mirrored_name(message: &JsonRpcMessage) -> Result<Option<Cow<'_, str>>, Unreadable> {
    let key = match message.method() {
        Some(method::TOOLS_CALL | method::PROMPTS_GET) => "name",
        Some(method::RESOURCES_READ) => "uri",
        Some("tasks/get" | "tasks/update" | "tasks/cancel") => "taskId",
        _ => return Ok(None),
    };
    peek::text(message.params().unwrap_or_default(), key)
}

/// These headers have no encoding: text that would need one cannot be sent.
fn plain(text: &str) -> Result<HeaderValue, Unmirrorable> {
    let visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    visible.then(|| HeaderValue::from_str(text).ok()).flatten().ok_or(Unmirrorable::Text)
}
