//! What a message carries, in bounded space and with as much of it as was asked for.

use std::borrow::Cow;
use std::fmt::Write;

use super::text::escape;
use crate::message::{decode, string_end};

/// How much of a message's payload a [`Log`](super::Log) shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload {
    /// Nothing but its size.
    Hidden,
    /// Its keys, and of each value what it is and how long: no text and no number.
    #[default]
    Shape,
    /// Everything: secrets too.
    Full,
}

/// What a key, a short value or a word on what is left out needs.
const LEAST: usize = 48;
/// What is kept for the last of them, one that begins with the last byte of room.
const RESERVE: usize = 2 * LEAST;
/// Of a key, before escapes.
const KEY: usize = 128;

/// Appends `json`, which the scanner has passed, as JSON in at most `max` bytes, or nothing where that is too little.
/// What has no room is named in its place, so that it stays JSON.
pub(super) fn render(out: &mut String, json: &[u8], payload: Payload, max: usize) {
    if max < RESERVE + LEAST {
        return;
    }
    let end = out.len() + max - RESERVE;
    Renderer { out, json, at: 0, open: Vec::new(), end, full: payload == Payload::Full }.run();
}

struct Renderer<'a> {
    out: &'a mut String,
    json: &'a [u8],
    at: usize,
    /// What closes each container that is open, innermost last.
    open: Vec<u8>,
    /// Where the room for what is shown ends.
    end: usize,
    full: bool,
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
        if escape(self.out, &text, room) > 0 {
            self.out.push('…');
        }
        self.out.push_str("\":");
    }

    fn value(&mut self) {
        match self.json.get(self.at) {
            Some(open @ (b'{' | b'[')) => {
                self.out.push(char::from(*open));
                self.open.push(open + 2);
                self.at += 1;
            }
            Some(b'"') if self.full => {
                let (text, room) = (self.string(), self.room());
                self.out.push('"');
                let left = escape(self.out, &text, room);
                if left > 0 {
                    let _ = write!(self.out, "…<{left} more bytes>");
                }
                self.out.push('"');
            }
            Some(b'"') => {
                let length = self.raw_string().len();
                let _ = write!(self.out, "\"<{length} bytes>\"");
            }
            _ => self.word(),
        }
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) {
        let start = self.at;
        self.skip(|byte| !matches!(byte, b',' | b'}' | b']') && !byte.is_ascii_whitespace());
        let word = std::str::from_utf8(&self.json[start..self.at]).unwrap_or_default();
        let is_number = word.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        match (is_number, self.full) {
            (true, true) if word.len() <= self.room() => self.out.push_str(word),
            (true, _) => self.out.push_str("\"<number>\""),
            (false, _) => self.out.push_str(word),
        }
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
