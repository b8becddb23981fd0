//! What a message on a tape is about.

use std::borrow::Cow;

use super::{Entry, EntryKind};
use crate::message::{JsonRpcMessage, ScanOptions};
use crate::protocol::peek;

/// The message of an entry, if it is one: read as far as anybody can, since it was let through once.
pub(super) fn message(entry: &Entry) -> Option<JsonRpcMessage> {
    let is_message = matches!(entry.kind, EntryKind::Request | EntryKind::Notification | EntryKind::Response);
    let options = ScanOptions::new().unlimited().transparent();
    is_message.then(|| JsonRpcMessage::parse_with(entry.bytes.clone(), &options).ok()).flatten()
}

/// The method and the tool, or the prompt, that a message names; an empty text where it names none.
pub(super) fn of(message: &JsonRpcMessage) -> Option<(String, String)> {
    let named = |name: Result<Option<Cow<'_, str>>, _>| name.ok().flatten().map(Cow::into_owned);
    let tool = named(peek::tool_name(message)).or_else(|| named(peek::prompt_name(message)));
    Some((message.method()?.to_owned(), tool.unwrap_or_default()))
}

/// The resource that a message names.
pub(super) fn resource(message: &JsonRpcMessage) -> Option<String> {
    peek::resource_uri(message).ok().flatten().map(Cow::into_owned)
}
