//! From a line to a message, outside the lock.

use bytes::Bytes;

use crate::message::{Beside, JsonRpcMessage, ParseError, ScanOptions};
use crate::wire::lines::Line;

pub(super) enum Read {
    Message(JsonRpcMessage),
    Unreadable(Refused),
}

/// What is no acceptable message, and why.
pub(super) type Refused = Box<(Bytes, ParseError)>;

/// What a line is.
pub(super) fn line(line: Line, options: &ScanOptions, sequence: u64) -> Read {
    match line.into_frame() {
        Ok(bytes) => frame(bytes, options, sequence),
        Err((bytes, fault)) => {
            let offset = bytes.len();
            Read::Unreadable(Box::new((bytes, ParseError::new(fault, offset))))
        }
    }
}

/// What a frame is.
pub(super) fn frame(bytes: Bytes, options: &ScanOptions, sequence: u64) -> Read {
    match JsonRpcMessage::read(bytes, options, Beside { sequence, ..Beside::default() }) {
        Ok(message) => Read::Message(message),
        Err(refused) => Read::Unreadable(Box::new(refused)),
    }
}
