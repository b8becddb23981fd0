//! Values, nested as deeply as they like, without recursion.

use super::super::parse_error::Fault;
use super::Scanner;

/// Which of the open containers are objects: one bit each.
#[derive(Default)]
pub(super) struct Nesting {
    top: u64,
    below: Vec<u64>,
    pub(super) depth: usize,
}

impl Nesting {
    #[inline(always)]
    fn push(&mut self, object: bool) {
        if self.depth.is_multiple_of(64) {
            self.spill();
        }
        self.top = self.top << 1 | u64::from(object);
        self.depth += 1;
    }

    #[inline(always)]
    fn pop(&mut self) {
        self.top >>= 1;
        self.depth -= 1;
        if self.depth.is_multiple_of(64) {
            self.top = self.below.pop().unwrap_or(0);
        }
    }

    /// No allocation for the first word: it is always empty.
    fn spill(&mut self) {
        if self.depth > 0 {
            self.below.push(self.top);
        }
    }

    #[inline(always)]
    fn in_object(&self) -> bool {
        self.top & 1 == 1
    }
}

impl Scanner<'_> {
    /// From the first byte of a value to behind its last one.
    ///
    /// One loop over values, and in it one over what may follow a value: longer than most functions here,
    /// because a call for each token would cost as much as the token.
    pub(super) fn value(&mut self, mut at: usize) -> Option<usize> {
        let floor = self.nesting.depth;
        let mut byte = self.byte(at);
        loop {
            at = match byte {
                b'"' => self.string(at + 1)?,
                b'-' | b'0'..=b'9' => self.number(at, byte)?,
                b'{' | b'[' => {
                    let (object, close) = (byte == b'{', byte + 2);
                    self.enter(at, object)?;
                    (at, byte) = self.token(at + 1);
                    if byte != close {
                        if object {
                            (at, byte) = self.key(at, byte)?.1;
                        }
                        continue;
                    }
                    self.leave()?;
                    at + 1
                }
                b't' => self.word(at, b"true")?,
                b'f' => self.word(at, b"false")?,
                b'n' => self.word(at, b"null")?,
                _ => return self.fail(Fault::Syntax("expected a value"), at),
            };
            loop {
                if self.nesting.depth == floor {
                    return Some(at);
                }
                (at, byte) = self.token(at);
                let object = self.nesting.in_object();
                if byte == b',' {
                    (at, byte) = self.token(at + 1);
                    if object {
                        (at, byte) = self.key(at, byte)?.1;
                    }
                    break;
                }
                if byte != if object { b'}' } else { b']' } {
                    return self.fail(Fault::Syntax(expected_end(object)), at);
                }
                self.leave()?;
                at += 1;
            }
        }
    }

    /// A container opens.
    #[inline(always)]
    pub(super) fn enter(&mut self, at: usize, object: bool) -> Option<()> {
        if self.nesting.depth == self.limits.depth {
            return self.fail(Fault::TooDeep, at);
        }
        self.nesting.push(object);
        if object && self.limits.strict {
            self.keys.open();
        }
        Some(())
    }

    /// The innermost container closes.
    #[inline(always)]
    pub(super) fn leave(&mut self) -> Option<()> {
        let object = self.nesting.in_object();
        self.nesting.pop();
        let strict = object && self.limits.strict;
        match strict.then(|| self.keys.close(self.bytes)).flatten() {
            Some(twice) => self.fail(Fault::DuplicateKey, twice - 1),
            None => Some(()),
        }
    }
}

pub(super) fn expected_end(object: bool) -> &'static str {
    if object { "expected a comma or a closing brace" } else { "expected a comma or a closing bracket" }
}
