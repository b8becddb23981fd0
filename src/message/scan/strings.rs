//! Whitespace, strings and their escapes.

use super::super::parse_error::Fault;
use super::Scanner;
use super::block::{Block, TOPS, first, plain, word};

/// How many blocks without escapes make a long text.
const LONG: usize = 4;

const SPACES: u64 = u64::from_ne_bytes([b' '; 8]);

/// What may follow a backslash alone. A table, because one kind or the other cannot be predicted.
const SHORT_ESCAPE: [bool; 256] = table(b"\"\\/bfnrt");
const HEX: [bool; 256] = table(b"0123456789abcdefABCDEF");

const fn table(mut members: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    while let [member, rest @ ..] = members {
        table[*member as usize] = true;
        members = rest;
    }
    table
}

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
                b' ' | b'\t' => at += 1,
                b'\n' | b'\r' => {
                    self.line_break = true;
                    at = self.indentation(at + 1);
                }
                byte => return (at, byte),
            }
        }
    }

    /// To behind the spaces at `at`, by words: indentation is much of an indented message.
    #[inline(always)]
    fn indentation(&self, mut at: usize) -> usize {
        loop {
            let others = word(self.bytes, at) ^ SPACES;
            at += first(others);
            if others != 0 {
                return at;
            }
        }
    }

    /// From behind a string's opening quote to behind its closing one.
    #[inline(always)]
    pub(super) fn string(&mut self, at: usize) -> Option<usize> {
        let block = Block::read(self.bytes, at);
        self.seen |= block.low | block.high;
        let end = at + block.first_special();
        if self.byte(end) == b'"' { Some(end + 1) } else { self.long_string(end) }
    }

    /// The rest of a string that does not end in its first block, from the first byte that is no plain one.
    ///
    /// It goes on by whole blocks whatever stands in them, so that the processor need not know where one
    /// escape is to look for the next.
    #[inline(never)]
    fn long_string(&mut self, mut at: usize) -> Option<usize> {
        let (mut clean, mut seen) = (0, 0);
        if self.byte(at) != b'\\' {
            at = self.skip_plain(at);
        }
        loop {
            let block = Block::read(self.bytes, at);
            seen |= block.low | block.high;
            let mut marks = block.specials();
            if marks == 0 {
                at += Block::SIZE;
                clean += 1;
                if clean == LONG {
                    at = self.skip_plain(at);
                }
                continue;
            }
            clean = 0;
            let mut next = at + Block::SIZE;
            while marks != 0 {
                let place = at + marks.trailing_zeros() as usize;
                match self.byte(place) {
                    b'\\' => {
                        let after = self.escape(place)?;
                        if after >= next {
                            next = after;
                            break;
                        }
                        marks &= u32::MAX << (after - at);
                    }
                    b'"' => {
                        self.seen |= seen;
                        return Some(place + 1);
                    }
                    _ => return self.broken_string(place),
                }
            }
            at = next;
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
            "expected no raw control character"
        } else {
            "expected a closing quote"
        };
        self.fail(Fault::Syntax(expected), at.min(self.bytes.len()))
    }

    /// From a backslash to behind its escape sequence.
    #[inline(always)]
    fn escape(&mut self, at: usize) -> Option<usize> {
        self.escaped = true;
        if SHORT_ESCAPE[usize::from(self.byte(at + 1))] {
            return Some(at + 2);
        }
        self.unicode_escape(at)
    }

    #[inline(never)]
    fn unicode_escape(&mut self, at: usize) -> Option<usize> {
        let digits = self.bytes.get(at + 2..).and_then(|rest| rest.first_chunk::<4>());
        let is_hex = |digit: &u8| HEX[usize::from(*digit)];
        match (self.byte(at + 1), digits) {
            (b'u', Some([a, b, c, d])) if is_hex(a) & is_hex(b) & is_hex(c) & is_hex(d) => Some(at + 6),
            (b'u', _) => self.fail(Fault::Syntax("expected four hex digits"), at + 2),
            _ => self.fail(Fault::Syntax("expected an escape sequence"), at + 1),
        }
    }
}
