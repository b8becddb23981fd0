//! What peers said, as people look at it: bounded, and nothing in it drives a terminal or hides what stands beside it.

mod mask;
mod payload;
mod text;

use crate::message::JsonRpcMessage;
use crate::protocol::peek;

pub(crate) use mask::masked;
pub use payload::Payload;
pub(crate) use payload::render;
#[cfg(feature = "tape")]
pub(crate) use text::escape;
pub(crate) use text::{name, quoted, safe_json};

/// What a response is, in a word or two of ours.
pub(crate) fn response(message: &JsonRpcMessage) -> String {
    let Some(error) = message.error() else {
        return if is_tool_error(message) { "tool error" } else { "response" }.to_owned();
    };
    let code = peek::member(error, "code").ok().flatten();
    let code: Option<i64> = code.and_then(|code| serde_json::from_slice(code).ok());
    code.map_or_else(|| "error".to_owned(), |code| format!("error {code}"))
}

/// A tool's result that says that the tool failed.
pub(crate) fn is_tool_error(message: &JsonRpcMessage) -> bool {
    peek::member(message.result().unwrap_or_default(), "isError") == Ok(Some(b"true"))
}

/// A message's id: a number as it is, a text in quotes.
pub(crate) fn id(message_id: &crate::message::OwnedId, max: usize) -> String {
    match message_id.as_i64() {
        Some(number) => number.to_string(),
        None => quoted(&message_id.text().unwrap_or_default(), max),
    }
}
