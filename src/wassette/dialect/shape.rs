//! What rmcp 0.2.1 can deserialise, read off its types. A key that stands twice fits nothing.

use super::readable;
use crate::message::members;
use crate::protocol::peek::{member, text};

/// `Err` says what does not fit.
pub(super) type Checked = Result<(), &'static str>;

const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// What serde_json itself cannot read fits nothing.
pub(super) fn readable(message: &[u8]) -> Checked {
    let why = "nested too deeply, a number too large, or a lone surrogate";
    readable::check(message).map_err(|_| why)
}

pub(super) fn initialize(params: &[u8]) -> Checked {
    required(params, "protocolVersion", is_text, "`protocolVersion` is no string")?;
    required(params, "capabilities", is_object, "`capabilities` is no object")?;
    required(params, "clientInfo", is_object, "`clientInfo` is no object")?;
    let info = found(params, "clientInfo")?;
    required(info, "name", is_text, "`clientInfo.name` is no string")?;
    required(info, "version", is_text, "`clientInfo.version` is no string")?;
    capabilities(found(params, "capabilities")?)
}

fn capabilities(json: &[u8]) -> Checked {
    optional(json, "sampling", is_object, "`capabilities.sampling` is no object")?;
    optional(json, "experimental", is_object, "`capabilities.experimental` is no object")?;
    optional(json, "roots", is_object, "`capabilities.roots` is no object")?;
    if !members(found(json, "experimental")?).all(|entry| is_object(entry.value)) {
        return Err("an experimental capability is no object");
    }
    let is_bool = |json: &[u8]| matches!(json, b"true" | b"false");
    optional(found(json, "roots")?, "listChanged", is_bool, "`roots.listChanged` is no boolean")
}

pub(super) fn complete(params: &[u8]) -> Checked {
    required(params, "ref", is_object, "`ref` is no object")?;
    required(params, "argument", is_object, "`argument` is no object")?;
    let argument = found(params, "argument")?;
    required(argument, "name", is_text, "`argument.name` is no string")?;
    required(argument, "value", is_text, "`argument.value` is no string")?;
    let reference = found(params, "ref")?;
    match text(reference, "type").ok().flatten().as_deref() {
        Some("ref/resource") => required(reference, "uri", is_text, "`ref.uri` is no string"),
        Some("ref/prompt") => required(reference, "name", is_text, "`ref.name` is no string"),
        _ => Err("`ref.type` is unknown"),
    }
}

pub(super) fn set_level(params: &[u8]) -> Checked {
    object(params)?;
    match text(params, "level").ok().flatten() {
        Some(level) if LEVELS.contains(&level.as_ref()) => Ok(()),
        _ => Err("`level` is unknown"),
    }
}

/// `tools/call` and `prompts/get`.
pub(super) fn named_call(params: &[u8]) -> Checked {
    required(params, "name", is_text, "`name` is no string")?;
    optional(params, "arguments", is_object, "`arguments` is no object")
}

/// The lists: a cursor of another type is read as none.
pub(super) fn list(params: &[u8]) -> Checked {
    if params == b"null" { Ok(()) } else { object(params) }
}

pub(super) fn cancelled(params: &[u8]) -> Checked {
    required(params, "requestId", is_id, "`requestId` is no id from 0 on")?;
    optional(params, "reason", is_text, "`reason` is no string")
}

pub(super) fn progress(params: &[u8]) -> Checked {
    required(params, "progressToken", is_id, "`progressToken` is no token")?;
    required(params, "progress", is_small, "`progress` is no integer from 0 to 2^32-1")?;
    optional(params, "total", is_small, "`total` is no integer from 0 to 2^32-1")?;
    optional(params, "message", is_text, "`message` is no string")
}

pub(super) fn error(error: &[u8]) -> Checked {
    let is_code = |json: &[u8]| number::<i32>(json).is_some();
    let fits = |key, fits: fn(&[u8]) -> bool| matches!(member(error, key), Ok(Some(json)) if fits(json));
    match fits("code", is_code) && fits("message", is_text) {
        true => Ok(()),
        false => Err("an error whose code is beyond 32 bits, or without a message"),
    }
}

/// The member `key` of `params`, which must be there and fit.
pub(super) fn required(params: &[u8], key: &str, fits: fn(&[u8]) -> bool, why: &'static str) -> Checked {
    object(params)?;
    match member(params, key) {
        Ok(Some(json)) if fits(json) => Ok(()),
        _ => Err(why),
    }
}

fn optional(params: &[u8], key: &str, fits: fn(&[u8]) -> bool, why: &'static str) -> Checked {
    match member(params, key) {
        Ok(None | Some(b"null")) => Ok(()),
        Ok(Some(json)) if fits(json) => Ok(()),
        _ => Err(why),
    }
}

/// An object whose `_meta` is one too, or null.
fn object(params: &[u8]) -> Checked {
    if !is_object(params) {
        return Err("params are no object");
    }
    optional(params, "_meta", is_object, "`_meta` is no object")
}

/// The value of a member that was checked; nothing for one that may be missing.
fn found<'a>(json: &'a [u8], key: &str) -> Result<&'a [u8], &'static str> {
    member(json, key).map(Option::unwrap_or_default).map_err(|_| "a key stands twice")
}

pub(super) fn is_object(json: &[u8]) -> bool {
    json.first() == Some(&b'{')
}

pub(super) fn is_text(json: &[u8]) -> bool {
    json.first() == Some(&b'"')
}

fn is_id(json: &[u8]) -> bool {
    is_text(json) || number::<u64>(json).is_some()
}

fn is_small(json: &[u8]) -> bool {
    number::<u32>(json).is_some()
}

/// An integer as serde_json reads one: no fraction, no exponent, and `-0` is a float.
fn number<N: std::str::FromStr>(json: &[u8]) -> Option<N> {
    std::str::from_utf8(json).ok().filter(|text| *text != "-0")?.parse().ok()
}
