//! Numbers and the three words.

use super::super::parse_error::Fault;
use super::Scanner;

impl Scanner<'_> {
    /// From a number's first byte to behind its last one.
    #[inline(always)]
    pub(super) fn number(&mut self, start: usize, byte: u8) -> Option<usize> {
        let int = start + usize::from(byte == b'-');
        let mut at = match self.byte(int) {
            b'0' => int + 1,
            _ => self.digits(int)?,
        };
        if self.byte(at) == b'.' {
            at = self.digits(at + 1)?;
        }
        if matches!(self.byte(at), b'e' | b'E') {
            let sign = usize::from(matches!(self.byte(at + 1), b'+' | b'-'));
            at = self.digits(at + 1 + sign)?;
        }
        if at - start > self.limits.number {
            return self.fail(Fault::NumberTooLong, start);
        }
        Some(at)
    }

    /// One digit or more.
    #[inline(always)]
    fn digits(&mut self, start: usize) -> Option<usize> {
        let mut at = start;
        while self.byte(at).is_ascii_digit() {
            at += 1;
        }
        if at == start {
            return self.fail(Fault::Syntax("expected a digit"), at);
        }
        Some(at)
    }

    /// `true`, `false` or `null`.
    #[inline(always)]
    pub(super) fn word(&mut self, at: usize, word: &'static [u8]) -> Option<usize> {
        if self.bytes.get(at..).is_some_and(|rest| rest.starts_with(word)) {
            return Some(at + word.len());
        }
        self.fail(Fault::Syntax("expected true, false or null"), at)
    }
}
