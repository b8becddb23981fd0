//! The keys of the open objects, and which of them are refused.

use std::borrow::Cow;

use super::super::parse_error::Fault;
use super::super::text;
use super::Scanner;
use super::block::Block;
use super::key_set::fingerprint;

/// A JSON library's private name space: serde_json takes such a key for a number or for raw text.
const MAGIC: &[u8] = b"$serde_json::private::";

/// A key, from behind its opening quote to its closing one.
#[derive(Clone, Copy)]
pub(super) struct Key {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) escaped: bool,
    /// The key itself as a word, where it has at most eight bytes and ended as nearly every key does; else 0.
    pub(super) word: u64,
}

/// A known key as [`Key::word`] has it.
pub(super) const fn key_word(name: &[u8]) -> u64 {
    let (mut word, mut at) = (0, 0);
    while at < name.len() {
        word |= (name[at] as u64) << (8 * at);
        at += 1;
    }
    word
}

impl Key {
    /// Where the key's token starts: what refusals point at.
    pub(super) fn quote(&self) -> usize {
        self.start - 1
    }

    pub(super) fn raw<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// The decoded key.
    pub(super) fn text<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let raw = self.raw(bytes);
        if self.escaped { Cow::Owned(decode(raw).into_bytes()) } else { Cow::Borrowed(raw) }
    }
}

#[cold]
fn decode(raw: &[u8]) -> String {
    text::decode(std::str::from_utf8(raw).unwrap_or_default(), true).into_owned()
}

impl Scanner<'_> {
    /// From a key's first token, which should be a quote, to where its value starts and the value's first
    /// byte.
    #[inline(always)]
    pub(super) fn key(&mut self, quote: usize, byte: u8) -> Option<(Key, (usize, u8))> {
        if byte != b'"' {
            return self.fail(Fault::Syntax("expected a key"), quote);
        }
        let start = quote + 1;
        let block = Block::read(self.bytes, start);
        let (length, print) = block.short_key();
        let end = start + length;
        // Nearly every key ends like this; one look at three bytes costs less than three looks.
        let Some(&[b'"', b':', byte]) = self.bytes.get(end..).and_then(|rest| rest.first_chunk()) else {
            return self.unusual_key(start);
        };
        self.seen |= block.low | block.high;
        let key = Key { start, end, escaped: false, word: if length <= 8 { print } else { 0 } };
        self.take_key(key, print)?;
        let value = end + 2;
        Some((key, if byte > b' ' { (value, byte) } else { self.token(value + usize::from(byte == b' ')) }))
    }

    /// A key with escapes, one that a block does not hold, or one with space behind it.
    #[inline(never)]
    fn unusual_key(&mut self, start: usize) -> Option<(Key, (usize, u8))> {
        let key = self.long_key(start)?;
        let (colon, byte) = self.token(key.end + 1);
        if byte != b':' {
            return self.fail(Fault::Syntax("expected a colon"), colon);
        }
        Some((key, self.token(colon + 1)))
    }

    fn long_key(&mut self, start: usize) -> Option<Key> {
        self.escaped = false;
        let end = match self.plain_end(start) {
            Some(end) => end,
            None => self.string(start)? - 1,
        };
        let key = Key { start, end, escaped: self.escaped, word: 0 };
        if self.limits.strict {
            let raw = key.raw(self.bytes);
            let print = if key.escaped { self.escaped_key(&key)? } else { self.plain_key(raw, key.quote())? };
            self.take_key(key, print)?;
        }
        Some(key)
    }

    /// Where a key without escapes ends; keys are short, so that nothing is won by looking further ahead.
    #[inline(always)]
    fn plain_end(&mut self, mut at: usize) -> Option<usize> {
        loop {
            let block = Block::read(self.bytes, at);
            self.seen |= block.low | block.high;
            let length = block.first_special();
            at += length;
            if length < Block::SIZE {
                return (self.byte(at) == b'"').then_some(at);
            }
        }
    }

    fn plain_key(&mut self, raw: &[u8], quote: usize) -> Option<u64> {
        if raw.first() == MAGIC.first() && raw.starts_with(MAGIC) {
            return self.fail(Fault::MagicKey, quote);
        }
        Some(fingerprint(raw))
    }

    fn escaped_key(&mut self, key: &Key) -> Option<u64> {
        let inner = std::str::from_utf8(key.raw(self.bytes)).unwrap_or_default();
        match text::chars(inner).collect::<Option<String>>() {
            Some(text) => self.plain_key(text.as_bytes(), key.quote()),
            None => self.fail(Fault::LoneSurrogate, key.quote()),
        }
    }

    #[inline(always)]
    fn take_key(&mut self, key: Key, print: u64) -> Option<()> {
        if self.limits.strict && self.keys.insert(self.bytes, print, key.start) {
            return self.fail(Fault::DuplicateKey, key.quote());
        }
        Some(())
    }
}
