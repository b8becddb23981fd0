//! What a message on a tape is about, and how long names are.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::{Entry, EntryKind, MAX_NAME_BYTES, Tape, TapeError};
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

/// Whether every tape takes the names that an entry has.
pub(super) fn check(entry: &Entry, path: &Path) -> Result<(), TapeError> {
    fits("session", entry.session.as_deref(), path)?;
    fits("component", entry.component.as_deref(), path)
}

/// The same of a tape's own.
pub(super) fn check_title(tape: &Tape, path: &Path) -> Result<(), TapeError> {
    fits("tape", Some(tape.id.as_str()), path)?;
    fits("session", tape.session.as_deref(), path)?;
    tape.components.iter().try_for_each(|component| fits("component", Some(&component.id), path))
}

fn fits(what: &str, name: Option<&str>, path: &Path) -> Result<(), TapeError> {
    let is_long = name.is_some_and(|name| name.len() > MAX_NAME_BYTES);
    if is_long { Err(TapeError::long_name(path, what)) } else { Ok(()) }
}

/// A name that was read, the value of that key: of a file that is small when packed, each entry has its own copy.
pub(super) fn read(key: &str, name: Option<Cow<'_, str>>) -> Result<Option<Arc<str>>, Cow<'static, str>> {
    match name {
        Some(name) if name.len() > MAX_NAME_BYTES => {
            Err(format!("{key} has more than {MAX_NAME_BYTES} bytes; a name has no more").into())
        }
        name => Ok(name.map(Arc::from)),
    }
}
