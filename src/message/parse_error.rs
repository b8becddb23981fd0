//! Why bytes are not a message.

use std::fmt;

use super::walk::members;
use super::{Code, OwnedId};

/// What the scanner objected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Not JSON by RFC 8259; the text says what was expected.
    Syntax(&'static str),
    /// Not UTF-8, or a byte order mark.
    Encoding,
    /// More than one document, or bytes behind the document.
    Trailing,
    /// A raw carriage return or line feed in a message that travels as one line.
    LineBreak,
    /// Larger than the configured size.
    TooLarge,
    /// Nested deeper than the configured depth.
    TooDeep,
    /// A number longer than the configured length.
    NumberTooLong,
    /// An object has the same key twice, compared after unescaping.
    DuplicateKey,
    /// A key that a JSON library gives a private meaning, `$serde_json::private::…`.
    MagicKey,
    /// A key that reads like a protocol key to a lax peer but is not one, or `__proto__`.
    ConfusableKey,
    /// A lone surrogate escape where text is compared: in a key, an id or a method.
    LoneSurrogate,
    /// An array at the top: a JSON-RPC batch.
    Batch,
    /// The message breaks JSON-RPC or MCP; the text says how.
    Envelope(&'static str),
    /// A method that is only ever a request has no id. Nobody waits for an answer.
    MissingId,
}

/// Bytes that are not an acceptable JSON-RPC message: what is wrong, and at which byte.
///
/// ```
/// use shadowcat::JsonRpcMessage;
///
/// let error = JsonRpcMessage::parse(&br#"{"jsonrpc":"2.0","id":7,"method":"a","method":"b"}"#[..]).unwrap_err();
/// assert_eq!(error.to_string(), "duplicate key at byte 37");
/// assert_eq!(error.id().unwrap().as_i64(), Some(7)); // so that the sender can be answered
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    pub(crate) fault: Fault,
    pub(crate) offset: usize,
    pub(crate) id: Option<OwnedId>,
}

impl ParseError {
    pub(crate) fn new(fault: Fault, offset: usize) -> Self {
        Self { fault, offset, id: None }
    }

    pub(crate) fn with_id(mut self, id: Option<OwnedId>) -> Self {
        self.id = id;
        self
    }

    /// What is wrong.
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// The byte at which it was noticed, counted from 0.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The message's id, where one could be read: what to answer with.
    pub fn id(&self) -> Option<&OwnedId> {
        self.id.as_ref()
    }

    /// The bytes are a JSON array: a batch, which MCP had in 2025-03-26 only.
    pub fn is_batch(&self) -> bool {
        self.fault == Fault::Batch
    }

    /// The bytes are more than the configured limit.
    pub fn is_too_large(&self) -> bool {
        self.fault == Fault::TooLarge
    }

    /// Somebody may be waiting for an answer: false for a request method sent as a notification.
    pub fn is_answerable(&self) -> bool {
        self.fault != Fault::MissingId
    }

    /// The JSON-RPC code to answer with: −32700 for what is not JSON, −32600 for the rest.
    pub fn code(&self) -> Code {
        match self.fault {
            Fault::Syntax(_) | Fault::Encoding | Fault::Trailing | Fault::LineBreak => Code::PARSE_ERROR,
            _ => Code::INVALID_REQUEST,
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.fault {
            Fault::Syntax(expected) => return write!(f, "not JSON: {expected} at byte {}", self.offset),
            Fault::Envelope(rule) => return write!(f, "{rule} at byte {}", self.offset),
            Fault::Encoding => "not UTF-8",
            Fault::Trailing => "more than one JSON document",
            Fault::LineBreak => "raw carriage return or line feed in a line",
            Fault::TooLarge => "message too large",
            Fault::TooDeep => "nested too deeply",
            Fault::NumberTooLong => "number too long",
            Fault::DuplicateKey => "duplicate key",
            Fault::MagicKey => "reserved key of a JSON library",
            Fault::ConfusableKey => "key that can be mistaken for a protocol key",
            Fault::LoneSurrogate => "lone surrogate in a name",
            Fault::Batch => "batches are not accepted",
            Fault::MissingId => "a request without an id",
        };
        write!(f, "{what} at byte {}", self.offset)
    }
}

impl std::error::Error for ParseError {}

/// Whether refused bytes were meant as a response: by the members that can be read, else by what stands anywhere.
/// Only decides whose failure they are; nothing of them is forwarded.
pub(crate) fn looks_like_reply(bytes: &[u8]) -> bool {
    let (mut outcome, mut method) = (false, false);
    for member in members(bytes) {
        outcome |= member.is("result") || member.is("error");
        method |= member.is("method");
    }
    let has = |key: &[u8]| memchr::memmem::find(bytes, key).is_some();
    outcome || (!method && (has(b"\"result\"") || has(b"\"error\"")))
}

#[cfg(test)]
mod tests {
    use super::looks_like_reply;

    #[test]
    fn a_refused_request_is_nobodys_reply() {
        assert!(!looks_like_reply(br#"{"jsonrpc":"2.0","id":1,"method":"roots/list","method":"error"}"#));
        assert!(!looks_like_reply(br#"{"id":1,"method":"a","method":"b","params":{"result":1}}"#));
        assert!(looks_like_reply(br#"{"jsonrpc":"2.0","id":1,"result":{},"result":{}}"#));
        assert!(looks_like_reply(br#"{"jsonrpc":"2.0","id":1,"result":{"cut off"#));
    }
}
