//! JSON objects from outside, through the message scanner: whole, no key twice, bounded depth.

use serde_json::value::RawValue;

use crate::message::{JsonRpcMessage, ParseError};

/// How the envelope begins that the scanner sees around a document.
const BEFORE: usize = r#"{"jsonrpc":"2.0","method":"document","params":"#.len();

/// An object that has passed the strict scan.
#[derive(Debug)]
pub(super) struct Document(JsonRpcMessage);

impl Document {
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.params().unwrap_or_default()
    }
}

/// Scans `json`, which is an object.
pub(super) fn scan(json: impl AsRef<[u8]>) -> Result<Document, ParseError> {
    let scanned = JsonRpcMessage::notification("document", json.as_ref());
    scanned
        .map(Document)
        .map_err(|error| ParseError::new(error.fault(), error.offset().saturating_sub(BEFORE)))
}

/// The items of an array; `None` if it is none.
pub(super) fn items(json: &[u8]) -> Option<Vec<&RawValue>> {
    serde_json::from_slice(json).ok()
}
