//! Whitespace, strings and their escapes.

use super::super::parse_error::Fault;
use super::Scanner;
use super::block::Block;

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
    pub(super) fn string(&mut self, mut at: usize) -> Option<usize> {
        loop {
            let specials = Block::read(self.bytes, at).specials();
            if specials == 0 {
                at += Block::SIZE;
                continue;
            }
            at += specials.trailing_zeros() as usize;
            match self.byte(at) {
                b'"' => return Some(at + 1),
                b'\\' => at = self.escape(at)?,
                _ => return self.broken_string(at),
            }
        }
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
        match self.byte(at + 1) {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 2),
            b'u' => self.unicode_escape(at),
            _ => self.fail(Fault::Syntax("unknown escape"), at + 1),
        }
    }

    fn unicode_escape(&mut self, at: usize) -> Option<usize> {
        match (at + 2..at + 6).find(|digit| !self.byte(*digit).is_ascii_hexdigit()) {
            None => Some(at + 6),
            Some(digit) => self.fail(Fault::Syntax("expected four hex digits"), digit),
        }
    }
}
