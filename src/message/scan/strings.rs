//! Whitespace, strings and their escapes.

use super::super::parse_error::Fault;
use super::Scanner;
use super::block::{Block, TOPS, first, plain, specials, word};

/// How many words without escapes make a long text.
const LONG: usize = 8;

/// What may follow a backslash alone. A table, because one kind or the other cannot be predicted.
const SHORT_ESCAPE: [bool; 256] = {
    let mut table = [false; 256];
    let mut escapes: &[u8] = b"\"\\/bfnrt";
    while let [escape, rest @ ..] = escapes {
        table[*escape as usize] = true;
        escapes = rest;
    }
    table
};

impl Scanner<'_> {
    /// The byte at `at`, or NUL at the end of the bytes: neither is legal outside strings, and NUL is not
    /// legal inside them either.
    #[inline(always)]
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// Where the next token starts, and its first byte.
    #[inline(always)]
    pub(super) fn token(&mut self, at: usize) -> (usize, u8) {
        let byte = self.byte(at);
        if byte > b' ' { (at, byte) } else { self.token_behind_space(at) }
    }

    #[inline(never)]
    fn token_behind_space(&mut self, mut at: usize) -> (usize, u8) {
        loop {
            match self.byte(at) {
                b' ' | b'\t' => {}
                b'\n' | b'\r' => self.line_break = true,
                byte => return (at, byte),
            }
            at += 1;
        }
    }

    /// From behind a string's opening quote to behind its closing one.
    #[inline(always)]
    pub(super) fn string(&mut self, at: usize) -> Option<usize> {
        let block = Block::read(self.bytes, at);
        let end = at + block.first_special();
        if self.byte(end) == b'"' {
            self.seen |= block.low | block.high;
            return Some(end + 1);
        }
        self.long_string(at)
    }

    /// The same for a string of any length, with escapes.
    ///
    /// It goes on by whole words whatever stands in them, so that the processor need not know where one
    /// escape is to look for the next.
    #[inline(never)]
    fn long_string(&mut self, mut at: usize) -> Option<usize> {
        let (mut clean, mut seen) = (0, 0);
        loop {
            let word = word(self.bytes, at);
            seen |= word;
            let mut marks = specials(word);
            clean = if marks == 0 { clean + 1 } else { 0 };
            let mut next = at + 8;
            while marks != 0 {
                let place = at + first(marks);
                match self.byte(place) {
                    b'\\' => {
                        let after = self.escape(place)?;
                        if after >= next {
                            next = after;
                            break;
                        }
                        marks &= u64::MAX << (8 * (after - at));
                    }
                    b'"' => {
                        self.seen |= seen;
                        return Some(place + 1);
                    }
                    _ => return self.broken_string(place),
                }
            }
            at = if clean == LONG { self.skip_plain(next) } else { next };
        }
    }

    /// A long text is read in larger steps.
    #[inline(never)]
    fn skip_plain(&mut self, at: usize) -> usize {
        let (length, ascii) = plain(self.bytes.get(at..).unwrap_or_default());
        self.seen |= if ascii { 0 } else { TOPS };
        at + length
    }

    #[cold]
    fn broken_string(&mut self, at: usize) -> Option<usize> {
        let expected = if at < self.bytes.len() {
            "a control character in a string"
        } else {
            "expected a closing quote"
        };
        self.fail(Fault::Syntax(expected), at.min(self.bytes.len()))
    }

    /// From a backslash to behind its escape sequence.
    #[inline(always)]
    fn escape(&mut self, at: usize) -> Option<usize> {
        if SHORT_ESCAPE[usize::from(self.byte(at + 1))] {
            return Some(at + 2);
        }
        self.unicode_escape(at)
    }

    #[inline(never)]
    fn unicode_escape(&mut self, at: usize) -> Option<usize> {
        if self.byte(at + 1) != b'u' {
            return self.fail(Fault::Syntax("unknown escape"), at + 1);
        }
        match (at + 2..at + 6).find(|digit| !self.byte(*digit).is_ascii_hexdigit()) {
            None => Some(at + 6),
            Some(digit) => self.fail(Fault::Syntax("expected four hex digits"), digit),
        }
    }
}
