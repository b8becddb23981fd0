//! A document with markers in it.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

use super::edit::Edit;
use super::frame::key_text;
use super::walk::Key;
use crate::message::{decode, string_end, write_string};
use crate::secret::Marker;

/// What is written in the place of what.
pub(super) type Change = (Range<usize>, Rc<str>);

/// The changes of a document, in order.
pub(super) fn changes(text: &str, edits: &[Edit], keys: &[Key], marker: &Marker) -> Vec<Change> {
    let mut keyed = keys.iter().peekable();
    let mut changes: Vec<Change> = Vec::with_capacity(edits.len());
    let mut values = Values { marker, last: None };
    for edit in edits {
        while keyed.next_if(|key| key.at.end <= edit.range.start).is_some() {}
        let is_key = keyed.peek().is_some_and(|key| key.at.contains(&edit.range.start));
        let with = if is_key { in_key(edit, marker).into() } else { values.of(edit) };
        changes.push((edit.range.clone(), with));
    }
    let numbers = numbers(text, keys, &changes);
    changes.extend(numbers);
    changes.sort_by_key(|(place, _)| (place.start, place.end));
    changes
}

/// The bytes with all changes made, where they are no more than `most`.
pub(super) fn written(bytes: &[u8], changes: &[Change], most: usize) -> Option<Vec<u8>> {
    let removed: usize = changes.iter().map(|(place, _)| place.len()).sum();
    let added: usize = changes.iter().map(|(_, with)| with.len()).sum();
    let size = bytes.len() - removed + added;
    if size > most {
        return None;
    }
    let mut out = Vec::with_capacity(size);
    let mut at = 0;
    for (place, with) in changes {
        out.extend_from_slice(&bytes[at..place.start]);
        out.extend_from_slice(with.as_bytes());
        at = place.end;
    }
    out.extend_from_slice(&bytes[at..]);
    Some(out)
}

/// What stands in the place of values. Where there are many secrets, most are of the kind of the one before.
struct Values<'a> {
    marker: &'a Marker,
    last: Option<(&'a Edit, Rc<str>)>,
}

impl<'a> Values<'a> {
    fn of(&mut self, edit: &'a Edit) -> Rc<str> {
        if let Some((last, text)) = &self.last
            && (&last.kind, last.is_number, last.is_nested) == (&edit.kind, edit.is_number, edit.is_nested)
            && last.range.len() == edit.range.len()
        {
            return text.clone();
        }
        let text: Rc<str> = in_value(edit, self.marker).into();
        self.last = Some((edit, text.clone()));
        text
    }
}

fn in_value(edit: &Edit, marker: &Marker) -> String {
    let marker = escaped(&marker.standing_for(&edit.kind, edit.range.len()));
    let value = if edit.is_number { format!("\"{marker}\"") } else { marker };
    if edit.is_nested { escaped(&value) } else { value }
}

/// A marker in a key has a character that no name of the protocol has, so that no key can be made one of those.
fn in_key(edit: &Edit, marker: &Marker) -> String {
    let text = marker.standing_for(&edit.kind, edit.range.len());
    let is_safe = text.contains(['[', ']', '<', '>', '{', '}', '(', ')', '*', '#', '!', '?', '=', ':']);
    escaped(&if is_safe { text } else { Marker::default().of(&edit.kind) })
}

/// As it stands in a JSON string.
fn escaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_string(&mut out, text);
    String::from_utf8_lossy(&out[1..out.len() - 1]).into_owned()
}

/// What is added to masked keys that would be the same as others of their object.
fn numbers(text: &str, keys: &[Key], changes: &[Change]) -> Vec<Change> {
    if keys.is_empty() {
        return Vec::new();
    }
    let mut taken = others(text, keys);
    let mut counts: HashMap<(usize, String), usize> = HashMap::new();
    let mut changes = changes.iter().peekable();
    let mut added = Vec::new();
    for key in keys {
        while changes.next_if(|(place, _)| place.end <= key.at.start).is_some() {}
        let own = std::iter::from_fn(|| changes.next_if(|(place, _)| place.end <= key.at.end));
        let masked = masked(text, key, own);
        if taken.insert((key.object, Cow::Owned(masked.clone()))) {
            continue;
        }
        let count = counts.entry((key.object, masked.clone())).or_insert(1);
        let number = loop {
            *count += 1;
            let number = format!("#{count}");
            if taken.insert((key.object, Cow::Owned([&masked[..], &number].concat()))) {
                break number;
            }
        };
        added.push((key.at.end..key.at.end, number.into()));
    }
    added
}

/// A key as it is read after its changes.
fn masked<'c>(text: &str, key: &Key, changes: impl Iterator<Item = &'c Change>) -> String {
    let (mut spelled, mut at) = (String::new(), key.at.start);
    for (place, with) in changes {
        spelled.push_str(&text[at..place.start]);
        spelled.push_str(with);
        at = place.end;
    }
    spelled.push_str(&text[at..key.at.end]);
    decode(&spelled, true).into_owned()
}

/// The keys of the objects that have masked ones.
fn others<'t>(text: &'t str, keys: &[Key]) -> HashSet<(usize, Cow<'t, str>)> {
    let masked: HashSet<usize> = keys.iter().map(|key| key.object).collect();
    let bytes = text.as_bytes();
    let (mut found, mut open, mut objects, mut at) = (HashSet::new(), Vec::new(), 0, 0);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'{' => {
                objects += 1;
                open.push(objects);
            }
            b'}' => drop(open.pop()),
            b'"' => {
                let Some(end) = string_end(bytes, at - 1) else { break };
                let key = at..end - 1;
                at = end;
                let is_key = bytes[end..].trim_ascii_start().first() == Some(&b':');
                if let Some(object) = open.last().filter(|object| is_key && masked.contains(object)) {
                    found.insert((*object, key_text(text, &key)));
                }
            }
            _ => {}
        }
    }
    found
}
