//! JSON in the one form that all ways to write it share.
//!
//! Keys are sorted by their characters, blanks are gone, strings are decoded and written with the fewest escapes.
//! Numbers stay as they were written: `1`, `1.0` and `1e0` are one number to some peers and three to others, and no
//! two numbers that differ are ever taken for one, however many digits they have.

use std::borrow::Cow;

use crate::message::{decode_exact, string_end, write_string};

/// Deeper than the scanner lets a message be.
const MAX_DEPTH: usize = 160;

/// A value; the keys of a map are sorted.
#[derive(Clone, Debug)]
pub(super) enum Node<'a> {
    /// As written: a number, a literal, or text with a lone surrogate, which has no decoded form.
    Plain(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Map(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// Reads JSON whose grammar was proved by the scanner; `None` if it was not, or is nested too deep.
    pub(super) fn read(json: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(json).ok()?;
        let mut walk = Walk { text, at: 0 };
        let node = walk.value(0)?;
        walk.space();
        (walk.at == text.len()).then_some(node)
    }

    /// The canonical form.
    pub(super) fn compact(&self) -> String {
        let mut out = Vec::new();
        self.write(&mut out);
        String::from_utf8(out).expect("it is written from text")
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Plain(text) => out.extend_from_slice(text.as_bytes()),
            Self::Text(text) => write_string(out, text),
            Self::List(items) => {
                out.push(b'[');
                separated(out, items, |out, item| item.write(out));
                out.push(b']');
            }
            Self::Map(members) => {
                out.push(b'{');
                separated(out, members, |out, (key, value)| {
                    write_string(out, key);
                    out.push(b':');
                    value.write(out);
                });
                out.push(b'}');
            }
        }
    }

    /// The same for people: a member or an item a line.
    pub(super) fn write_lines(&self, out: &mut Vec<u8>, indent: usize) {
        match self {
            Self::List(items) if !items.is_empty() => {
                out.push(b'[');
                separated(out, items, |out, item| {
                    new_line(out, indent + 1);
                    item.write_lines(out, indent + 1);
                });
                new_line(out, indent);
                out.push(b']');
            }
            Self::Map(members) if !members.is_empty() => {
                out.push(b'{');
                separated(out, members, |out, (key, value)| {
                    new_line(out, indent + 1);
                    write_string(out, key);
                    out.extend_from_slice(b": ");
                    value.write_lines(out, indent + 1);
                });
                new_line(out, indent);
                out.push(b'}');
            }
            _ => self.write(out),
        }
    }

    /// Every value that holds no other, with its JSON Pointer, in the order of the canonical form.
    pub(super) fn leaves(&self, place: &mut String, see: &mut impl FnMut(&str, String)) {
        match self {
            Self::List(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    within(place, &index.to_string(), |place| item.leaves(place, see));
                }
            }
            Self::Map(members) if !members.is_empty() => {
                for (key, value) in members {
                    within(place, &key.replace('~', "~0").replace('/', "~1"), |place| {
                        value.leaves(place, see)
                    });
                }
            }
            _ => see(place, self.compact()),
        }
    }
}

pub(super) fn new_line(out: &mut Vec<u8>, indent: usize) {
    out.push(b'\n');
    out.resize(out.len() + 2 * indent, b' ');
}

fn separated<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
}

fn within(place: &mut String, token: &str, see: impl FnOnce(&mut String)) {
    let length = place.len();
    place.push('/');
    place.push_str(token);
    see(place);
    place.truncate(length);
}

struct Walk<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Walk<'a> {
    fn value(&mut self, depth: usize) -> Option<Node<'a>> {
        self.space();
        if depth > MAX_DEPTH {
            return None;
        }
        match self.peek()? {
            b'{' => self.map(depth),
            b'[' => self.list(depth),
            b'"' => {
                let literal = self.literal()?;
                Some(decode_exact(&literal[1..literal.len() - 1]).map_or(Node::Plain(literal), Node::Text))
            }
            _ => self.plain(),
        }
    }

    fn map(&mut self, depth: usize) -> Option<Node<'a>> {
        let mut members = Vec::new();
        self.entries(b'}', |walk| {
            let literal = walk.literal()?;
            let key = decode_exact(&literal[1..literal.len() - 1])?;
            walk.space();
            walk.take(b':')?;
            members.push((key, walk.value(depth + 1)?));
            Some(())
        })?;
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        // The scanner refuses a key that stands twice; nobody else may bring one in.
        let is_unique = members.windows(2).all(|pair| pair[0].0 != pair[1].0);
        is_unique.then_some(Node::Map(members))
    }

    fn list(&mut self, depth: usize) -> Option<Node<'a>> {
        let mut items = Vec::new();
        self.entries(b']', |walk| {
            items.push(walk.value(depth + 1)?);
            Some(())
        })?;
        Some(Node::List(items))
    }

    fn entries(&mut self, end: u8, mut entry: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.at += 1;
        self.space();
        if self.take(end).is_some() {
            return Some(());
        }
        loop {
            self.space();
            entry(self)?;
            self.space();
            if self.take(end).is_some() {
                return Some(());
            }
            self.take(b',')?;
        }
    }

    /// A string with its quotes.
    fn literal(&mut self) -> Option<&'a str> {
        let end = string_end(self.text.as_bytes(), self.at)?;
        let literal = self.text.get(self.at..end)?;
        self.at = end;
        Some(literal)
    }

    fn plain(&mut self) -> Option<Node<'a>> {
        let rest = &self.text[self.at..];
        let length = rest.find([',', '}', ']', ' ', '\t', '\n', '\r']).unwrap_or(rest.len());
        self.at += length;
        (length > 0).then(|| Node::Plain(&rest[..length]))
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
}
