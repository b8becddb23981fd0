//! The open objects and arrays of a walk.

use std::borrow::Cow;
use std::ops::Range;

use super::name::Name;
use super::role::Role;
use crate::message::next_char;

/// Bytes of a key, decoded.
const SHOWN: usize = 72;

/// One open object or array.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) role: Role,
    pub(super) is_object: bool,
    /// Which of the document's objects it is, if it is one.
    pub(super) object: usize,
    /// In an object: the next string is a key.
    pub(super) at_key: bool,
    /// In an object: the last key, without its quotes.
    pub(super) key: Range<usize>,
    /// That key as it may be shown, where it holds a secret.
    pub(super) masked_key: Option<Box<str>>,
    /// In an array: which element it is.
    pub(super) index: usize,
    /// What the last key says of its value, or what the name of an array says of its elements.
    pub(super) name: Name,
    /// What the name of an object says of what is in it.
    pub(super) outer: Name,
    /// What a block of content holds that is judged at its end.
    pub(super) block: Block,
    /// Texts of adjacent blocks in an array of content.
    pub(super) texts: Vec<Text>,
}

/// What is known of a block of content so far: which member comes first is nobody's promise.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) text: Option<Member>,
    pub(super) data: Option<Member>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Unknown,
    Text,
    /// An image or a sound: its data is no text.
    Media,
    Other,
}

/// A member with a string, both without quotes.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) key: Range<usize>,
    pub(super) value: Range<usize>,
}

/// The text of the block at an index.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) index: usize,
    pub(super) value: Range<usize>,
}

impl Frame {
    /// `name` stands before it.
    pub(super) fn new(is_object: bool, object: usize, role: Role, name: Name) -> Self {
        let (name, outer) = if is_object { (Name::NONE, name) } else { (name.of_elements(), Name::NONE) };
        Self {
            role: if is_object { role.as_object() } else { role },
            is_object,
            object,
            at_key: is_object,
            key: 0..0,
            masked_key: None,
            index: 0,
            name,
            outer,
            block: Block::default(),
            texts: Vec::new(),
        }
    }

    /// What the value that begins here is, by its place.
    pub(super) fn role_of_value(&self, text: &str) -> Role {
        match (self.role, self.is_object) {
            (Role::Data, _) => Role::Data,
            (role, true) => role.member(&key_text(text, &self.key)),
            (role, false) => role.element(),
        }
    }

    /// This step of a path.
    pub(super) fn token<'t>(&'t self, text: &'t str) -> Cow<'t, str> {
        match (&self.masked_key, self.is_object) {
            (Some(masked), true) => Cow::Borrowed(masked),
            (None, true) => key_shown(text, &self.key),
            (_, false) => Cow::Owned(self.index.to_string()),
        }
    }
}

impl Block {
    pub(super) fn is_kind(&mut self, kind: &str) {
        self.kind = match kind {
            "text" => Kind::Text,
            "image" | "audio" => Kind::Media,
            _ => Kind::Other,
        };
    }
}

/// The beginning of a key, decoded: more than a path tells of it. Each secret in an object asks for it.
fn key_shown<'t>(text: &'t str, key: &Range<usize>) -> Cow<'t, str> {
    if key.len() <= 6 * SHOWN {
        return key_text(text, key);
    }
    let (mut shown, mut rest) = (String::new(), &text[key.clone()]);
    while shown.len() < SHOWN
        && let Some((unit, after)) = next_char(rest)
    {
        shown.push(unit.unwrap_or(char::REPLACEMENT_CHARACTER));
        rest = after;
    }
    Cow::Owned(shown)
}

/// A key, decoded.
pub(super) fn key_text<'t>(text: &'t str, key: &Range<usize>) -> Cow<'t, str> {
    let raw = &text[key.clone()];
    crate::message::decode(raw, raw.contains('\\'))
}
