//! Where a change goes, in bytes.

use std::ops::Range;

use super::pointer::{self, Pointer};
use super::walk::{elements, members};
use super::{Fault, ParseError, text};

/// What is replaced, and by what.
pub(super) type Change = (Range<usize>, Vec<u8>);

/// What `set` writes at `pointer`: in the place of what stands there, or as a new member or last element.
pub(super) fn set(json: &[u8], pointer: &Pointer, value: Vec<u8>) -> Result<Change, ParseError> {
    if let Some(place) = place(json, pointer)? {
        return Ok((place, value));
    }
    let (parent, last) = pointer.split_last().expect("the whole document always stands somewhere");
    let Some(around) = place(json, &parent)? else { return Err(nowhere("nothing stands around that place")) };
    let inside = &json[around.clone()];
    match inside.first() {
        Some(b'{') => Ok(insert_first(json, around.start, named(last, &value))),
        Some(b'[') if last == "-" || pointer::index(last) == Some(elements(inside).count()) => {
            Ok(append(inside, around.start, &value))
        }
        Some(b'[') => Err(nowhere("an array has no element of that index")),
        _ => Err(nowhere("what stands around that place holds nothing")),
    }
}

/// What `remove` takes away at `pointer`, one comma with it; nothing where nothing stands.
pub(super) fn remove(json: &[u8], pointer: &Pointer) -> Result<Option<Change>, ParseError> {
    let Some(found) = place(json, pointer)? else { return Ok(None) };
    let Some((parent, _)) = pointer.split_last() else { return Err(nowhere("a message cannot be removed")) };
    let around = place(json, &parent)?.expect("what has a place is in something");
    let inside = &json[around.clone()];
    let entries: Vec<_> = match inside.first() {
        Some(b'{') => members(inside).map(|member| member.whole).collect(),
        _ => elements(inside).collect(),
    };
    let at = entries.iter().position(|entry| around.start + entry.end == found.end);
    Ok(at.map(|at| (shifted(cut(&entries, at), around.start), Vec::new())))
}

/// An entry with one of the commas around it.
pub(super) fn cut(entries: &[Range<usize>], at: usize) -> Range<usize> {
    match (at.checked_sub(1), entries.get(at + 1)) {
        (Some(before), _) => entries[before].end..entries[at].end,
        (None, Some(next)) => entries[at].start..next.start,
        (None, None) => entries[at].clone(),
    }
}

/// `brace` is the object's opening brace.
pub(super) fn insert_first(json: &[u8], brace: usize, mut member: Vec<u8>) -> Change {
    if members(&json[brace..]).next().is_some() {
        member.push(b',');
    }
    (brace + 1..brace + 1, member)
}

/// A member as it is written into an object.
pub(super) fn named(key: &str, json: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    text::write_string(&mut out, key);
    out.push(b':');
    out.extend_from_slice(json);
    out
}

/// Behind the last element, or right behind the bracket.
fn append(array: &[u8], start: usize, value: &[u8]) -> Change {
    match elements(array).last() {
        Some(last) => (start + last.end..start + last.end, [b",", value].concat()),
        None => (start + 1..start + 1, value.to_vec()),
    }
}

fn shifted(place: Range<usize>, by: usize) -> Range<usize> {
    place.start + by..place.end + by
}

fn place(json: &[u8], pointer: &Pointer) -> Result<Option<Range<usize>>, ParseError> {
    pointer.place(json).map_err(|_| ParseError::new(Fault::DuplicateKey, 0))
}

fn nowhere(why: &'static str) -> ParseError {
    ParseError::new(Fault::Envelope(why), 0)
}
