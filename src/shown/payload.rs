//! What a message carries, in bounded space and with as much of it as was asked for.

use std::borrow::Cow;
use std::fmt::Write;

use super::mask::{masked, masked_member};
use super::text::escape;
use crate::message::{decode, string_end};

/// How much of a message's payload is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload {
    /// Nothing but its size.
    Hidden,
    /// Its keys, and of each value what it is and how long: no text and no number.
    #[default]
    Shape,
    /// Everything. With the feature `secret`, a marker stands for what is found to be one.
    Full,
    /// Everything: secrets too.
    Raw,
}

/// What a key, a short value or a word on what is left out needs.
const LEAST: usize = 48;
/// What is kept for the last of them, one that begins with the last byte of room.
const RESERVE: usize = 2 * LEAST;
/// Of a key, before escapes.
const KEY: usize = 128;

/// Appends `json`, which the scanner has passed, as JSON in at most `max` bytes, or nothing where that is too little.
/// What has no room is named in its place, so that it stays JSON.
pub(crate) fn render(out: &mut String, json: &[u8], payload: Payload, max: usize) {
    if max < RESERVE + LEAST {
        return;
    }
    let end = out.len() + max - RESERVE;
    let open = Vec::new();
    Renderer { out, json, at: 0, open, end, payload, name: Cow::Borrowed("") }.run();
}

struct Renderer<'a> {
    out: &'a mut String,
    json: &'a [u8],
    at: usize,
    /// What closes each container that is open, innermost last.
    open: Vec<u8>,
    /// Where the room for what is shown ends.
    end: usize,
    payload: Payload,
    /// The key that was read last, if it is that of the next value.
    name: Cow<'a, str>,
}

impl<'a> Renderer<'a> {
    /// No recursion: how deep a message may be is up to its reader.
    fn run(&mut self) {
        loop {
            self.skip(|byte| byte.is_ascii_whitespace() || byte == b',' || byte == b':');
            let Some(byte) = self.json.get(self.at).copied() else { break };
            if byte == b'}' || byte == b']' {
                self.close();
                self.at += 1;
                continue;
            }
            if !self.separate() {
                break;
            }
            self.name = Cow::Borrowed("");
            if self.open.last() == Some(&b'}') {
                self.key();
                self.skip(|byte| byte.is_ascii_whitespace() || byte == b':');
            }
            self.value();
        }
        while !self.open.is_empty() {
            self.close();
        }
    }

    /// Room for one more value, at least, or a word on what is left out in its place.
    fn separate(&mut self) -> bool {
        if !matches!(self.out.as_bytes().last(), Some(b'{' | b'[') | None) && !self.open.is_empty() {
            self.out.push(',');
        }
        let least = self.room() >= LEAST;
        if !least {
            let left = self.json.len() - self.at;
            let key = if self.open.last() == Some(&b'}') { "\"…\":" } else { "" };
            let _ = write!(self.out, "{key}\"<{left} more bytes>\"");
        }
        least
    }

    fn room(&self) -> usize {
        self.end.saturating_sub(self.out.len() + self.open.len())
    }

    fn close(&mut self) {
        let close = self.open.pop().map(char::from);
        self.out.extend(close);
    }

    fn key(&mut self) {
        let text = self.string();
        let room = KEY.min(self.room() / 2);
        self.out.push('"');
        let raw = self.payload == Payload::Raw;
        let (shown, left) = if raw { (Cow::Borrowed(&*text), 0) } else { masked(&text, room) };
        if escape(self.out, &shown, room) + left > 0 {
            self.out.push('…');
        }
        self.out.push_str("\":");
        self.name = text;
    }

    /// The text of a value as it is shown, if it is, and how much of it is not in there.
    fn shown<'t>(&self, text: &'t str, room: usize) -> Option<(Cow<'t, str>, usize)> {
        match self.payload {
            Payload::Raw => Some((Cow::Borrowed(text), 0)),
            Payload::Full => Some(masked_member(&self.name, text, room)),
            Payload::Hidden | Payload::Shape => None,
        }
    }

    fn value(&mut self) {
        match self.json.get(self.at) {
            Some(open @ (b'{' | b'[')) => {
                self.out.push(char::from(*open));
                self.open.push(open + 2);
                self.at += 1;
            }
            Some(b'"') => self.text(),
            _ => self.word(),
        }
    }

    fn text(&mut self) {
        if matches!(self.payload, Payload::Hidden | Payload::Shape) {
            let length = self.raw_string().len();
            let _ = write!(self.out, "\"<{length} bytes>\"");
            return;
        }
        let (text, room) = (self.string(), self.room());
        let Some((shown, left)) = self.shown(&text, room) else { return };
        self.out.push('"');
        let left = left + escape(self.out, &shown, room);
        if left > 0 {
            let _ = write!(self.out, "…<{left} more bytes>");
        }
        self.out.push('"');
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) {
        let start = self.at;
        self.skip(|byte| !matches!(byte, b',' | b'}' | b']') && !byte.is_ascii_whitespace());
        let word = std::str::from_utf8(&self.json[start..self.at]).unwrap_or_default();
        let is_number = word.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        let is_shown = !is_number
            || word.len() <= self.room()
                && self.shown(word, word.len()).is_some_and(|(shown, _)| shown == word);
        self.out.push_str(if is_shown { word } else { "\"<number>\"" });
        // Text that no scanner passed: it is not looked at for ever.
        self.at += usize::from(start == self.at);
    }

    /// The text that starts here, decoded.
    fn string(&mut self) -> Cow<'a, str> {
        let inner = self.raw_string();
        decode(inner, inner.contains('\\'))
    }

    /// The same as it is written.
    fn raw_string(&mut self) -> &'a str {
        let (start, end) = (self.at, string_end(self.json, self.at).unwrap_or(self.json.len()));
        self.at = end;
        let inner = self.json.get(start + 1..end.saturating_sub(1)).unwrap_or_default();
        std::str::from_utf8(inner).unwrap_or_default()
    }

    fn skip(&mut self, is_skipped: impl Fn(u8) -> bool) {
        while self.json.get(self.at).is_some_and(|byte| is_skipped(*byte)) {
            self.at += 1;
        }
    }
}
