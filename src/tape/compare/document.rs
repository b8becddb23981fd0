//! A document as it is compared.

use std::collections::BTreeMap;

use crate::message::{elements, members};
use crate::tape::text;

/// Whether the spelling counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    Free,
    Counts,
}

/// Documents nested deeper are compared byte for byte from there.
const MAX_DEPTH: usize = 128;

/// A value, and how it is written.
pub(super) struct Document<'a> {
    pub(super) written: &'a [u8],
    pub(super) value: Value<'a>,
    pub(super) is_json: bool,
}

pub(super) enum Value<'a> {
    /// By decoded key, with its place among the others.
    Object(BTreeMap<String, (usize, Document<'a>)>),
    Array(Vec<Document<'a>>),
    /// Without its quotes, as written.
    Text(&'a str),
    Number(&'a str),
    /// `true`, `false`, `null`, and whatever is no JSON, or is read by peers in different ways.
    Other,
}

impl<'a> Document<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        match text::is_json(bytes) {
            true => Self::at_depth(bytes.trim_ascii(), MAX_DEPTH),
            false => Self { written: bytes, value: Value::Other, is_json: false },
        }
    }

    /// A value that is JSON, without space around it.
    fn at_depth(written: &'a [u8], depth: usize) -> Self {
        let value = match written.first() {
            Some(b'{') if depth > 0 => object(written, depth - 1),
            Some(b'[') if depth > 0 => {
                let inner = |place| Self::at_depth(&written[place], depth - 1);
                Value::Array(elements(written).map(inner).collect())
            }
            Some(b'"') => as_text(&written[1..written.len() - 1]).map_or(Value::Other, Value::Text),
            Some(b'-' | b'0'..=b'9') => as_text(written).map_or(Value::Other, Value::Number),
            _ => Value::Other,
        };
        Self { written, value, is_json: true }
    }
}

fn object(written: &[u8], depth: usize) -> Value<'_> {
    let mut all = BTreeMap::new();
    for (number, member) in members(written).enumerate() {
        let value = Document::at_depth(member.value, depth);
        if all.insert(member.key().into_owned(), (number, value)).is_some() {
            return Value::Other;
        }
    }
    Value::Object(all)
}

fn as_text(written: &[u8]) -> Option<&str> {
    std::str::from_utf8(written).ok()
}
