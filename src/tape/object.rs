//! Writing one JSON object, in a line or for people.

use super::text;
use crate::message::{write_string, write_unsigned};

/// How a value is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Style {
    /// No space at all.
    Line,
    /// Indented, this deep.
    Pretty(usize),
}

impl Style {
    fn inside(self) -> Self {
        match self {
            Self::Line => Self::Line,
            Self::Pretty(depth) => Self::Pretty(depth + 1),
        }
    }

    /// Where the next thing begins.
    pub(super) fn line(self, out: &mut Vec<u8>) {
        if let Self::Pretty(depth) = self {
            text::line(depth, out);
        }
    }
}

/// An object that is being written.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    style: Style,
    empty: bool,
}

impl<'a> Object<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, style: Style) -> Self {
        out.push(b'{');
        Self { out, style, empty: true }
    }

    /// The key, which needs no escapes; its value is to follow.
    pub(super) fn key(&mut self, name: &'static str) -> &mut Vec<u8> {
        self.named(|out| {
            out.push(b'"');
            out.extend_from_slice(name.as_bytes());
            out.push(b'"');
        })
    }

    /// A key of somebody else's.
    pub(super) fn foreign_key(&mut self, name: &str) -> &mut Vec<u8> {
        self.named(|out| write_string(out, name))
    }

    fn named(&mut self, name: impl FnOnce(&mut Vec<u8>)) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.style.inside().line(self.out);
        name(self.out);
        self.out.push(b':');
        if matches!(self.style, Style::Pretty(_)) {
            self.out.push(b' ');
        }
        self.out
    }

    pub(super) fn text(&mut self, name: &'static str, value: &str) {
        write_string(self.key(name), value);
    }

    pub(super) fn some_text(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    pub(super) fn number(&mut self, name: &'static str, value: u64) {
        write_unsigned(self.key(name), value);
    }

    /// What is JSON already.
    pub(super) fn token(&mut self, name: &'static str, json: &str) {
        self.key(name).extend_from_slice(json.as_bytes());
    }

    /// A document: as it is in a line, indented for people.
    pub(super) fn json(&mut self, name: &'static str, json: &[u8]) {
        let style = self.style.inside();
        let out = self.key(name);
        match style {
            Style::Line => out.extend_from_slice(json),
            Style::Pretty(depth) => text::pretty(json, depth, out),
        }
    }

    /// An object inside.
    pub(super) fn object(&mut self, name: &'static str, write: impl FnOnce(&mut Object<'_>)) {
        let style = self.style.inside();
        let mut inner = Object::new(self.key(name), style);
        write(&mut inner);
        inner.end();
    }

    pub(super) fn end(self) {
        if !self.empty {
            self.style.line(self.out);
        }
        self.out.push(b'}');
    }
}
