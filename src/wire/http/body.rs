//! Headers against body (2026-07-28 basic/transports/streamable-http, "Server Validation").

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::fields::is_mirror;
use super::head::{Twice, repeats, single};
use super::mirror::mirrored_name;
use super::{ParamHeaders, Refusal, decode_value};
use crate::message::{Code, JsonRpcMessage, Kind};
use crate::protocol::peek::{self, Unreadable};
use crate::protocol::{Era, ProtocolVersion, header, method};

/// Which era a request belongs to, by what it claims: a malformed claim to be modern is judged as one.
///
/// ```
/// use http::HeaderMap;
/// use shadowcat::protocol::Era;
/// use shadowcat::{JsonRpcMessage, wire::http::request_era};
///
/// let ping = JsonRpcMessage::request(1, "ping", "")?;
/// let mut headers = HeaderMap::new();
/// assert_eq!(request_era(&headers, &ping), Era::Legacy);
/// headers.insert("mcp-method", "ping".parse()?);
/// assert_eq!(request_era(&headers, &ping), Era::Modern);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn request_era(headers: &HeaderMap, message: &JsonRpcMessage) -> Era {
    if names_era(message) {
        return Era::Modern;
    }
    let modern = names_modern_version(headers)
        || (headers.keys().any(|name| is_mirror(name.as_str())) && !is_older(headers));
    if modern && !message.is_method(method::INITIALIZE) { Era::Modern } else { Era::Legacy }
}

/// A revision in `_meta`, or something in its place: only the newer ones have it.
pub(super) fn names_era(message: &JsonRpcMessage) -> bool {
    message.kind() != Kind::Response && peek::meta(message, peek::PROTOCOL_VERSION) != Ok(None)
}

/// A version header names a modern revision, or one that no legacy one is.
pub(super) fn names_modern_version(headers: &HeaderMap) -> bool {
    let is_modern = |value: &HeaderValue| {
        let version = value.to_str().ok().and_then(|text| text.parse::<ProtocolVersion>().ok());
        version.is_none_or(|version| version.era() == Era::Modern)
    };
    match headers.get(header::PROTOCOL_VERSION) {
        Some(_) if repeats(headers) => headers.get_all(header::PROTOCOL_VERSION).iter().any(is_modern),
        first => first.is_some_and(is_modern),
    }
}

/// A version header names a modern revision that there is. What is no revision at all is refused as that.
pub(super) fn names_known_modern_version(headers: &HeaderMap) -> bool {
    let named = headers.get_all(header::PROTOCOL_VERSION).iter();
    let known = named.filter_map(|value| value.to_str().ok()?.parse::<ProtocolVersion>().ok());
    known.into_iter().any(|version| version.era() == Era::Modern)
}

/// A session, or a version that is no modern one, is of the older revisions: clients there may mirror as well.
fn is_older(headers: &HeaderMap) -> bool {
    headers.contains_key(header::SESSION_ID) || headers.contains_key(header::PROTOCOL_VERSION)
}

/// The version header, if it is there once; else what is wrong with it.
pub(super) fn version_header(headers: &HeaderMap) -> Result<Option<&str>, &'static str> {
    match single(headers, &header::PROTOCOL_VERSION) {
        Ok(None) => Ok(None),
        Ok(Some(value)) => value.to_str().map(Some).map_err(|_| "MCP-Protocol-Version is not ASCII"),
        Err(Twice) => Err("more than one MCP-Protocol-Version"),
    }
}

/// The order is part of the protocol: each step has a code of its own.
pub(super) fn check_modern(
    headers: &HeaderMap,
    message: &JsonRpcMessage,
    versions: &[ProtocolVersion],
) -> Result<(), Refusal> {
    let request = match message.kind() {
        Kind::Response => return Err(Refusal::bad_request("a client of this revision sends no responses")),
        kind => kind == Kind::Request,
    };
    let header = version_header(headers).map_err(Refusal::mismatch)?;
    if request {
        let header = header.ok_or_else(|| Refusal::mismatch("MCP-Protocol-Version is missing"))?;
        if required_meta(message)? != header {
            return Err(Refusal::mismatch("MCP-Protocol-Version is not the version in _meta"));
        }
    }
    // What a notification is to say in its head is not defined: only what it does say must be true.
    if let Some(header) = header {
        check_version(header, versions)?;
    }
    check_mirrors(headers, message, request)?;
    if request && message.is_method(method::INITIALIZE) {
        // Forwarded, it would make the server take the client for a legacy one.
        let refusal = Refusal::new(StatusCode::NOT_FOUND, "this revision has no initialize");
        return Err(refusal.with_code(Code::METHOD_NOT_FOUND));
    }
    Ok(())
}

/// The version in `_meta`, which also holds what the client can do.
fn required_meta(message: &JsonRpcMessage) -> Result<Cow<'_, str>, Refusal> {
    let refuse = |text: &'static str| Refusal::bad_request(text).with_code(Code::INVALID_PARAMS);
    let meta = message.meta().unwrap_or_default();
    let capabilities = peek::meta(message, peek::CLIENT_CAPABILITIES);
    let version = peek::text(meta, peek::PROTOCOL_VERSION).ok().flatten();
    match (version, capabilities) {
        (Some(version), Ok(Some([b'{', ..]))) => Ok(version),
        (None, _) => Err(refuse("_meta holds no io.modelcontextprotocol/protocolVersion")),
        _ => Err(refuse("_meta holds no io.modelcontextprotocol/clientCapabilities")),
    }
}

fn check_version(requested: &str, versions: &[ProtocolVersion]) -> Result<(), Refusal> {
    let version = requested.parse::<ProtocolVersion>();
    if version.is_ok_and(|version| version.era() == Era::Modern && versions.contains(&version)) {
        return Ok(());
    }
    // The others are agreed upon by `initialize`, and not by another header.
    let modern = versions.iter().filter(|version| version.era() == Era::Modern);
    let mut supported: Vec<&str> = modern.map(|version| version.as_str()).collect();
    if supported.is_empty() {
        supported.extend(versions.iter().map(|version| version.as_str()));
    }
    let data = serde_json::json!({ "supported": supported, "requested": requested });
    let refusal = Refusal::bad_request("unsupported protocol version").with_code(Code::UNSUPPORTED_VERSION);
    Err(refusal.with_data(data.to_string()))
}

/// `Mcp-Method` and `Mcp-Name`; no mirror stands twice, known or not.
pub(super) fn check_mirrors(
    headers: &HeaderMap,
    message: &JsonRpcMessage,
    required: bool,
) -> Result<(), Refusal> {
    if !required && !headers.keys().any(|name| is_mirror(name.as_str())) {
        return Ok(());
    }
    if let Some(name) = headers.keys().find(|name| is_mirror(name.as_str()) && single(headers, name).is_err())
    {
        return Err(Refusal::mismatch(format!("more than one {name}")));
    }
    match headers.get(header::METHOD) {
        None if required => return Err(Refusal::mismatch("Mcp-Method is missing")),
        Some(value) if value.to_str().ok().is_none_or(|text| message.method() != Some(text)) => {
            return Err(Refusal::mismatch("Mcp-Method is not the method of the body"));
        }
        _ => {}
    }
    if !matches!(message.method(), Some(method::TOOLS_CALL | method::PROMPTS_GET | method::RESOURCES_READ)) {
        // Extensions give the header to methods of theirs; those are for their servers to judge.
        return Ok(());
    }
    let body = mirrored_name(message).map_err(unreadable)?;
    let header = decoded(headers, &header::NAME)?;
    match (header, body) {
        (None, Some(_)) if required => Err(Refusal::mismatch("Mcp-Name is missing")),
        (Some(header), body) if body.as_deref() != Some(&*header) => {
            Err(Refusal::mismatch("Mcp-Name is not the name in the body"))
        }
        _ => Ok(()),
    }
}

/// Checks what a tool's schema wants mirrored: for each annotated argument that is there and not null, the header
/// says the same. Integers are compared as numbers.
///
/// # Errors
///
/// What to answer, under the request's id.
///
/// ```
/// use http::HeaderMap;
/// use shadowcat::{Code, JsonRpcMessage};
/// use shadowcat::wire::http::{ParamHeaders, check_params};
///
/// let schema = br#"{"properties":{"n":{"type":"integer","x-mcp-header":"N"}}}"#;
/// let params = ParamHeaders::of_schema(schema)?;
/// let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"t","arguments":{"n":42}}"#)?;
/// let mut headers = HeaderMap::new();
/// assert_eq!(check_params(&headers, &call, &params).unwrap_err().code, Code::HEADER_MISMATCH);
/// headers.insert("mcp-param-n", "42.0".parse()?);
/// assert!(check_params(&headers, &call, &params).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_params(
    headers: &HeaderMap,
    message: &JsonRpcMessage,
    params: &ParamHeaders,
) -> Result<(), Refusal> {
    let check = |name: &HeaderName, path: &[String]| {
        let body = params.argument(message, path).map_err(unreadable)?;
        match (decoded(headers, name)?, body) {
            (None, None) => Ok(()),
            (Some(header), Some(body)) if body.says(&header) => Ok(()),
            (None, Some(_)) => Err(Refusal::mismatch(format!("{name} is missing"))),
            _ => Err(Refusal::mismatch(format!("{name} is not the argument in the body"))),
        }
    };
    let checked = params.iter().try_for_each(|(name, path)| check(name, path));
    checked.map_err(|refusal| refusal.with_id(message.responder().id().cloned()))
}

fn decoded<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<Cow<'a, str>>, Refusal> {
    let value = single(headers, name).map_err(|Twice| Refusal::mismatch(format!("more than one {name}")))?;
    value.map(decode_value).transpose().map_err(|error| Refusal::mismatch(format!("{name}: {error}")))
}

fn unreadable(error: Unreadable) -> Refusal {
    Refusal::bad_request(format!("the body cannot be compared with its headers: {error}"))
}
