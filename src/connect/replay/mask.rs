//! What may be told of a request.

use super::essence;
use crate::message::{JsonRpcMessage, Pointer, elements, members};
use crate::tape::Comparison;
pub(super) use crate::tape::mask::{Masks, is_masked, told, unexplained};

impl Masks {
    /// What a request asks for, for people; without the address of a resource where nobody can say what of it is secret.
    pub(super) fn title(&self, message: &JsonRpcMessage) -> String {
        match self.shown(message) {
            Some(shown) => essence::title(&shown, essence::subject(&shown)),
            None => essence::title(message, essence::name(message)),
        }
    }
}

/// Where texts stand of which something is masked, as deep as documents are compared. None where there are so many that
/// none would be [explained](unexplained), or so deep that to name them takes much more than the document does.
pub(super) fn places(recorded: &[u8]) -> Vec<Pointer> {
    const DEEPEST: usize = 128;
    /// Bytes of places that any request may have.
    const LEAST: usize = 16 << 10;
    let (mut found, mut size) = (Vec::new(), 0);
    let mut left = vec![(Pointer::root(), 0, recorded)];
    while let Some((place, depth, json)) = left.pop() {
        if json.first() == Some(&b'"') {
            size += 8 * depth + place.to_string().len();
            found.push(place);
        } else if depth < DEEPEST {
            let members = members(json).map(|member| (member.key().into_owned(), member.value));
            let elements = elements(json).enumerate().map(|(at, part)| (at.to_string(), &json[part]));
            let masked = members.chain(elements).filter(|(_, part)| is_masked(part));
            left.extend(masked.map(|(step, part)| (place.clone().join(step), depth + 1, part)));
        }
        if found.len() + left.len() >= Comparison::MAX_DIFFERENCES || size > 8 * recorded.len() + LEAST {
            return Vec::new();
        }
    }
    found.sort_by_cached_key(Pointer::to_string); // the order of members does not count
    found
}
