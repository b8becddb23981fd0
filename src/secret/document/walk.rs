//! One way through a document, from its first byte to its last.

use std::ops::Range;

use super::edit::Edit;
use super::frame::{Frame, Kind, Member, Text, key_text};
use super::name::Name;
use super::report::{Allowed, Report};
use super::role::Role;
use super::search::Search;
use crate::message::string_end;

/// JSON in a string that is nested deeper is read as text alone.
const EMBEDDED_DEPTH: usize = 128;

/// A walk over text that the scanner has passed, or over JSON in a string, which nobody has: there it may end early,
/// and then counts for nothing.
///
/// Each byte is looked at once here, and each string is searched once, and once more where it stands beside another
/// text or holds JSON itself.
pub(super) struct Walk<'a> {
    pub(super) text: &'a str,
    search: Search<'a>,
    allowed: Allowed<'a>,
    role: Role,
    pub(super) frames: Vec<Frame>,
    pub(super) edits: Vec<Edit>,
    /// Keys that something is masked in.
    pub(super) keys: Vec<Key>,
    /// How many objects have begun.
    objects: usize,
    pub(super) report: Report,
}

/// A key, without its quotes, and of which of the document's objects it is one: they are counted from 1.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) object: usize,
    pub(super) at: Range<usize>,
}

impl<'a> Walk<'a> {
    /// `role` is what the whole text is.
    pub(super) fn new(search: Search<'a>, text: &'a str, role: Role, allowed: Allowed<'a>) -> Self {
        let (frames, edits, keys) = (Vec::new(), Vec::new(), Vec::new());
        Self { text, search, allowed, role, frames, edits, keys, objects: 0, report: Report::default() }
    }

    pub(super) fn run(mut self) -> Self {
        let bytes = self.text.as_bytes();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            at = match byte {
                b'"' => self.string(at),
                b'{' | b'[' => self.open(*byte == b'{', at),
                b'}' | b']' => self.close(at),
                b',' => self.comma(at),
                b'-' | b'0'..=b'9' => self.number(at),
                _ => at + 1,
            }
        }
        self
    }

    fn open(&mut self, is_object: bool, at: usize) -> usize {
        if self.search.is_embedded() && self.frames.len() == EMBEDDED_DEPTH {
            return self.text.len();
        }
        let (role, name) = match self.frames.last() {
            Some(frame) => (frame.role_of_value(self.text), frame.name),
            None => (self.role, Name::NONE),
        };
        self.objects += usize::from(is_object);
        self.frames.push(Frame::new(is_object, self.objects, role, name));
        at + 1
    }

    fn comma(&mut self, at: usize) -> usize {
        if let Some(frame) = self.frames.last_mut() {
            frame.at_key = frame.is_object;
            frame.index += 1;
        }
        at + 1
    }

    fn string(&mut self, at: usize) -> usize {
        let Some(end) = string_end(self.text.as_bytes(), at).filter(|end| *end <= self.text.len()) else {
            return self.text.len();
        };
        let inner = at + 1..end - 1;
        match self.frames.last_mut() {
            Some(frame) if frame.at_key => {
                frame.at_key = false;
                self.key(inner);
            }
            Some(_) => self.value(inner),
            None => self.judge(inner, Name::NONE),
        }
        end
    }

    fn key(&mut self, key: Range<usize>) {
        let edits = self.search.key(&self.text[key.clone()], key.start);
        let text = key_text(self.text, &key);
        let Some(frame) = self.frames.last_mut() else { return };
        frame.name = Name::new(&text, frame.outer);
        frame.key = key.clone();
        let object = frame.object;
        frame.masked_key = (!edits.is_empty()).then(|| self.search.shown(&text));
        if self.take(edits, true, None) {
            self.keys.push(Key { object, at: key });
        }
    }

    fn value(&mut self, value: Range<usize>) {
        let Some(frame) = self.frames.last_mut() else { return };
        if frame.is_object && frame.role != Role::Data {
            let key = key_text(self.text, &frame.key);
            if frame.role.protects(&key) {
                return;
            }
            if frame.role == Role::Block {
                let member = Member { key: frame.key.clone(), value: value.clone() };
                match &*key {
                    "type" => frame.block.is_kind(&key_text(self.text, &value)),
                    "text" => return frame.block.text = Some(member),
                    "data" => return frame.block.data = Some(member),
                    _ => {}
                }
            }
        }
        let name = frame.name;
        self.judge(value, name);
    }

    fn judge(&mut self, value: Range<usize>, name: Name) {
        let edits = self.search.value(&self.text[value.clone()], value.start, name);
        self.take(edits, false, None);
    }

    fn number(&mut self, at: usize) -> usize {
        let rest = &self.text.as_bytes()[at..];
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let end = at + rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let name = self.frames.last().map_or(Name::NONE, |frame| frame.name);
        let edit = self.search.number(&self.text[at..end], at, name);
        self.take(edit.into_iter().collect(), false, None);
        end
    }

    fn close(&mut self, at: usize) -> usize {
        let Some(frame) = self.frames.last_mut() else { return at + 1 };
        let block = std::mem::take(&mut frame.block);
        let texts = std::mem::take(&mut frame.texts);
        if let Some(data) = block.data.filter(|_| block.kind != Kind::Media) {
            self.member(data);
        }
        let is_text = matches!(block.kind, Kind::Text | Kind::Unknown);
        let is_listed = |frames: &[Frame]| {
            let around = frames.len().checked_sub(2).and_then(|at| frames.get(at));
            around.is_some_and(|frame| frame.role == Role::Content && !frame.is_object)
        };
        match block.text {
            Some(text) if is_text && is_listed(&self.frames) => {
                self.frames.pop();
                self.listed(text.value);
            }
            text => {
                text.into_iter().for_each(|text| self.member(text));
                self.texts(&texts);
                self.frames.pop();
            }
        }
        at + 1
    }

    /// What was put off until the end of its object.
    fn member(&mut self, member: Member) {
        if let Some(frame) = self.frames.last_mut() {
            (frame.key, frame.masked_key) = (member.key, None);
        }
        self.judge(member.value, Name::NONE);
    }

    /// The text of a block of the array that is open now.
    fn listed(&mut self, value: Range<usize>) {
        let Some(frame) = self.frames.last_mut() else { return };
        let text = Text { index: frame.index, value };
        if frame.texts.last().is_some_and(|last| last.index + 1 == text.index) || frame.texts.is_empty() {
            return frame.texts.push(text);
        }
        let before = std::mem::replace(&mut frame.texts, vec![text]);
        self.texts(&before);
    }

    /// Texts of adjacent blocks of the array that is open now, each alone and all together.
    fn texts(&mut self, texts: &[Text]) {
        let edits = self.search.adjacent(self.text, texts);
        for (text, edits) in texts.iter().zip(edits) {
            let index = self.frames.last_mut().map(|frame| std::mem::replace(&mut frame.index, text.index));
            self.take(edits, false, Some("text"));
            if let (Some(frame), Some(index)) = (self.frames.last_mut(), index) {
                frame.index = index;
            }
        }
    }

    /// Keeps what is to be masked. `last` is behind the open places in its path.
    fn take(&mut self, edits: Vec<Edit>, in_key: bool, last: Option<&'static str>) -> bool {
        let before = self.edits.len();
        for edit in edits {
            let inside = self.frames.iter().map(|frame| frame.token(self.text));
            let path = inside.chain(last.map(Into::into));
            if self.report.takes(&edit, in_key, path, self.allowed) {
                self.edits.push(edit);
            }
        }
        self.edits.len() > before
    }
}
