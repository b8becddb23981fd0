use std::borrow::Cow;

use super::BadUri;
use crate::percent::unescape;

/// More layers of percent escapes than anybody writes.
const LAYERS: usize = 4;

/// No segment of `path` is empty but the last, `.` or `..`, however it is written.
pub(super) fn check(path: &str, at: usize) -> Result<(), BadUri> {
    let mut start = at + 1;
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let why = if segment.is_empty() && segments.peek().is_some() {
            Some("a path has no empty parts")
        } else {
            objection(segment)
        };
        if let Some(why) = why {
            return Err(BadUri::new(why, start));
        }
        start += segment.len() + 1;
    }
    Ok(())
}

/// Each layer of escapes is looked at: nobody knows how often a peer decodes.
fn objection(segment: &str) -> Option<&'static str> {
    let mut bytes = Cow::Borrowed(segment.as_bytes());
    for _ in 0..LAYERS {
        match &*bytes {
            b"." => return Some("a path has no `.`"),
            b".." => return Some("a path has no `..`"),
            _ if bytes.iter().any(|byte| matches!(byte, b'/' | b'\\' | 0..0x20 | 0x7f)) => {
                return Some("a path hides no `/`, `\\` or control character");
            }
            _ => {}
        }
        match unescape(&bytes) {
            Some(decoded) => bytes = Cow::Owned(decoded),
            None => return None,
        }
    }
    Some("a path is escaped too often")
}
