use std::borrow::Cow;

use super::{OutcomeError, Wrong};
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::peek::{self, Unreadable};
use crate::wassette::json;

/// What a `tools/call` gave back.
pub(super) enum Content<'a> {
    Text(Cow<'a, str>),
    Failed(Cow<'a, str>),
}

/// The only text of a result, or the message of an error.
pub(super) fn of(response: &JsonRpcMessage) -> Result<Content<'_>, OutcomeError> {
    if response.kind() != Kind::Response {
        return Err(OutcomeError::NotAResponse);
    }
    if let Some(error) = response.error() {
        return Ok(Content::Failed(text(error, "message")?));
    }
    let result = response.result().unwrap_or_default();
    let failed = match member_or_none(result, "isError")? {
        None | Some(b"false") => false,
        Some(b"true") => true,
        Some(_) => return Err(mistyped("isError")),
    };
    let text = only_text(member(result, "content")?)?;
    Ok(if failed { Content::Failed(text) } else { Content::Text(text) })
}

fn only_text(content: &[u8]) -> Result<Cow<'_, str>, OutcomeError> {
    let items = json::items(content).ok_or(mistyped("content"))?;
    let [only] = items.as_slice() else { return Err(mistyped("content")) };
    let only = only.get().as_bytes();
    if text(only, "type")? != "text" {
        return Err(mistyped("type"));
    }
    text(only, "text")
}

/// The member `name` of `json`, raw.
pub(super) fn member<'a>(json: &'a [u8], name: &'static str) -> Result<&'a [u8], OutcomeError> {
    member_or_none(json, name)?.ok_or(OutcomeError::Member { member: name, why: Wrong::Missing })
}

/// The same, if it is there.
pub(super) fn member_or_none<'a>(
    json: &'a [u8],
    name: &'static str,
) -> Result<Option<&'a [u8]>, OutcomeError> {
    peek::member(json, name).map_err(|why| OutcomeError::Member { member: name, why: Wrong::Unreadable(why) })
}

/// The text of the member `name` of `json`.
pub(super) fn text<'a>(json: &'a [u8], name: &'static str) -> Result<Cow<'a, str>, OutcomeError> {
    let wrong = |why| OutcomeError::Member { member: name, why };
    peek::text(json, name).map_err(|why| wrong(Wrong::Unreadable(why)))?.ok_or(wrong(Wrong::Missing))
}

pub(super) fn mistyped(name: &'static str) -> OutcomeError {
    OutcomeError::Member { member: name, why: Wrong::Unreadable(Unreadable::Mistyped) }
}
