//! What may be told of what was said, and what a masked tape would hold of it.

use std::borrow::Cow;

#[cfg(feature = "secret")]
use super::Redact;
use super::{Comparison, Difference};
use crate::message::{JsonRpcMessage, Pointer};
use crate::protocol::peek;
#[cfg(feature = "secret")]
use crate::secret::{Marker, shared};

/// Masks as the tape was masked.
#[derive(Debug)]
pub(crate) struct Masks {
    #[cfg(feature = "secret")]
    redact: Redact,
    /// The tape says that it was masked.
    is_masked: bool,
}

impl Masks {
    #[cfg(feature = "secret")]
    pub(crate) fn of(profile: Option<&str>) -> Self {
        Self { redact: Redact::of_profile(profile.unwrap_or_default()), is_masked: profile.is_some() }
    }

    #[cfg(not(feature = "secret"))]
    pub(crate) fn of(profile: Option<&str>) -> Self {
        Self { is_masked: profile.is_some() }
    }

    /// The message as it would stand on the tape; `None` where that is no other.
    #[cfg(feature = "secret")]
    pub(crate) fn taped(&self, message: &JsonRpcMessage) -> Option<JsonRpcMessage> {
        if !self.is_masked {
            return None;
        }
        self.redact.said(message).filter(|masked| masked.bytes() != message.bytes())
    }

    #[cfg(not(feature = "secret"))]
    pub(crate) fn taped(&self, _: &JsonRpcMessage) -> Option<JsonRpcMessage> {
        None
    }

    /// The message as people may see it, whether the tape is masked or not; `None` if nobody can say what of it is
    /// secret.
    #[cfg(feature = "secret")]
    pub(crate) fn shown(&self, message: &JsonRpcMessage) -> Option<JsonRpcMessage> {
        self.redact.said(message)
    }

    #[cfg(not(feature = "secret"))]
    pub(crate) fn shown(&self, _: &JsonRpcMessage) -> Option<JsonRpcMessage> {
        None
    }

    /// What an error says, as people may see it.
    #[cfg(feature = "secret")]
    pub(crate) fn text(&self, text: &str) -> String {
        let text = self.redact.text(bytes::Bytes::copy_from_slice(text.as_bytes()));
        String::from_utf8_lossy(&text).into_owned()
    }

    #[cfg(not(feature = "secret"))]
    pub(crate) fn text(&self, text: &str) -> String {
        if self.is_masked { "…".to_owned() } else { text.to_owned() }
    }

    /// Nothing is hidden: nobody masked the tape, and nobody here knows what is secret.
    pub(crate) fn is_open(&self) -> bool {
        cfg!(not(feature = "secret")) && !self.is_masked
    }
}

/// The differences, told by what may be shown of the two. A key can be a secret, too.
pub(crate) fn told(found: Vec<Difference>, recorded: Option<&[u8]>, said: Option<&[u8]>) -> Vec<Difference> {
    found.into_iter().map(|difference| tell(difference, recorded, said)).collect()
}

/// The same of one.
pub(crate) fn tell(difference: Difference, recorded: Option<&[u8]>, said: Option<&[u8]>) -> Difference {
    let at = |json: Option<&'_ [u8]>| find(json?, &difference.path).map(<[u8]>::to_vec);
    let (recorded, said) = (at(recorded), at(said));
    let mut told = difference.told_by(recorded.as_deref(), said.as_deref());
    told.path = path(told.path);
    told
}

#[cfg(feature = "secret")]
fn path(path: String) -> String {
    shared().mask(&path, &Marker::default()).into_owned()
}

#[cfg(not(feature = "secret"))]
fn path(path: String) -> String {
    path
}

/// What a masked secret begins with on a tape, and ends with.
const MARKER: (&str, &str) = ("[REDACTED:", "]");

/// Whether something of it is masked.
pub(crate) fn is_masked(recorded: &[u8]) -> bool {
    memchr::memmem::find(recorded, MARKER.0.as_bytes()).is_some()
}

/// The differences that are more than what the tape does not tell.
pub(crate) fn unexplained(found: Vec<Difference>, recorded: &[u8], said: &[u8]) -> Vec<Difference> {
    // Of more, not all are told.
    match found.len() < Comparison::MAX_DIFFERENCES {
        true => without_explained(found, recorded, said),
        false => found,
    }
}

/// The same of as many as were found.
pub(crate) fn without_explained(mut found: Vec<Difference>, recorded: &[u8], said: &[u8]) -> Vec<Difference> {
    if !found.is_empty() && is_masked(recorded) {
        found.retain(|difference| !is_explained(&difference.path, recorded, said));
    }
    found
}

fn is_explained(path: &str, recorded: &[u8], said: &[u8]) -> bool {
    let Some((recorded, said)) = find(recorded, path).zip(find(said, path)) else { return false };
    let Some(recorded) = text(recorded) else { return false };
    if let Some(kind) = recorded.strip_prefix(MARKER.0)
        && kind.find(MARKER.1) == Some(kind.len() - MARKER.1.len())
    {
        return true; // the whole value was masked, of whatever type
    }
    text(said).is_some_and(|said| is_masked_of(&recorded, &said))
}

/// Whether the one is the other, with anything where it has markers.
fn is_masked_of(recorded: &str, said: &str) -> bool {
    let mut parts = recorded.split(MARKER.0);
    let Some(mut rest) = parts.next().and_then(|first| said.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        let Some((_, after)) = part.split_once(MARKER.1) else { return false };
        if parts.peek().is_none() {
            return rest.ends_with(after);
        }
        let Some(at) = rest.find(after) else { return false };
        rest = &rest[at + after.len()..];
    }
    true
}

fn text(json: &[u8]) -> Option<Cow<'_, str>> {
    peek::string(json).ok()
}

/// What stands at a place.
pub(crate) fn find<'a>(json: &'a [u8], path: &str) -> Option<&'a [u8]> {
    path.parse::<Pointer>().ok()?.find(json).ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_stands_for_anything_and_the_rest_for_itself() {
        for (recorded, said, is_it) in [
            ("[REDACTED:member]", "", true),
            ("Bearer [REDACTED:jwt]", "Bearer x", true),
            ("Bearer [REDACTED:jwt]", "Basic x", false),
            ("a=[REDACTED:x, 7 bytes]&b=[REDACTED:y]&c", "a=1&b=2&c", true),
            ("a=[REDACTED:x]&b=[REDACTED:y]&c", "a=1&c", false),
            ("no marker", "no marker", true),
            ("no marker", "no marker at all", false),
            ("[REDACTED:torn", "anything", false),
        ] {
            assert_eq!(is_masked_of(recorded, said), is_it, "{recorded} {said}");
        }
    }
}
