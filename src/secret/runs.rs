//! Runs of characters of one class, each looked at once.

use std::ops::Range;

/// A set of ASCII characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Digit,
    Hex,
    /// Capital letters and the digits of base 32.
    Upper,
    Alphanumeric,
    /// Letters, digits, `_` and `-`: base 64 for URLs, without padding.
    Word,
    /// The same and `.`: what a JSON Web Token is made of.
    Dotted,
    /// Base 64 of either alphabet, with padding.
    Base64,
    /// What may stand in an HTTP token after a scheme (`token68`, and `~`).
    Token68,
    /// What a value without quotes is made of: ends at white space, quotes, brackets, `,`, `;`, `&`.
    Value,
}

const CLASSES: usize = 9;

impl Class {
    pub(super) fn has(self, byte: u8) -> bool {
        match self {
            Self::Digit => byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Word => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Dotted => Self::Word.has(byte) || byte == b'.',
            Self::Base64 => Self::Word.has(byte) || matches!(byte, b'+' | b'/' | b'='),
            Self::Token68 => Self::Base64.has(byte) || matches!(byte, b'.' | b'~'),
            Self::Value => !byte.is_ascii_whitespace() && !b"\"'`\\,;&<>(){}[]".contains(&byte),
        }
    }
}

/// Where runs end, remembered: many keys may begin in one run, and it is walked once.
#[derive(Debug)]
pub(super) struct Runs<'t> {
    text: &'t [u8],
    seen: [Range<usize>; CLASSES],
}

impl<'t> Runs<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text: text.as_bytes(), seen: Default::default() }
    }

    /// The end of the run of `class` that begins at `from`, or lies around it. Asked for places from left to right.
    pub(super) fn end(&mut self, class: Class, from: usize) -> usize {
        let seen = &mut self.seen[class as usize];
        if !seen.contains(&from) {
            let rest = self.text.get(from..).unwrap_or_default();
            let length = rest.iter().position(|byte| !class.has(*byte)).unwrap_or(rest.len());
            *seen = from..from + length;
        }
        seen.end.max(from)
    }
}
