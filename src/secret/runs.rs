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
    /// What the value of a header is made of: ends with its line, and at quotes and `\\`.
    Line,
    /// What stands between `://` and the path of a URL.
    Authority,
}

const CLASSES: usize = 11;

impl Class {
    pub(super) fn has(self, byte: u8) -> bool {
        CLASSES_OF[usize::from(byte)] & self.bit() != 0
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// Of each byte, the classes that have it: one bit each.
const CLASSES_OF: [u16; 256] = {
    let (mut of, mut byte) = ([0; 256], 0);
    while byte < 256 {
        of[byte] = classes_of(byte as u8);
        byte += 1;
    }
    of
};

const fn classes_of(byte: u8) -> u16 {
    use Class::{Alphanumeric, Authority, Base64, Digit, Dotted, Hex, Line, Token68, Upper, Value, Word};
    let digit = byte.is_ascii_digit();
    let alphanumeric = byte.is_ascii_alphanumeric();
    let word = alphanumeric || matches!(byte, b'_' | b'-');
    let base64 = word || matches!(byte, b'+' | b'/' | b'=');
    let ends_value = byte.is_ascii_whitespace()
        || matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b',' | b';' | b'&' | b'<' | b'>')
        || matches!(byte, b'(' | b')' | b'{' | b'}' | b'[' | b']');
    let ends_authority =
        byte.is_ascii_whitespace() || matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'\\');
    if_in(digit, Digit)
        | if_in(byte.is_ascii_hexdigit(), Hex)
        | if_in(byte.is_ascii_uppercase() || digit, Upper)
        | if_in(alphanumeric, Alphanumeric)
        | if_in(word, Word)
        | if_in(word || byte == b'.', Dotted)
        | if_in(base64, Base64)
        | if_in(base64 || matches!(byte, b'.' | b'~'), Token68)
        | if_in(!ends_value, Value)
        | if_in(!matches!(byte, b'\r' | b'\n' | b'\'' | b'"' | b'\\'), Line)
        | if_in(!ends_authority, Authority)
}

const fn if_in(is_in: bool, class: Class) -> u16 {
    if is_in { class.bit() } else { 0 }
}

/// Where runs end, remembered: many keys may begin in one run, and it is walked once.
#[derive(Debug)]
pub(super) struct Runs<'t> {
    text: &'t [u8],
    seen: [Range<usize>; CLASSES],
    /// From the first of these to the second, there is no digit; at the second there is, or the text ends.
    no_digit: Option<Range<usize>>,
}

impl<'t> Runs<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text: text.as_bytes(), seen: Default::default(), no_digit: None }
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

    /// Whether there is a digit in the range. Asked for from left to right, too, or almost so.
    pub(super) fn has_digit(&mut self, range: Range<usize>) -> bool {
        let start = range.start;
        let known = match self.no_digit.take() {
            Some(known) if (known.start..=known.end).contains(&start) => known,
            Some(known) if start < known.start => match self.digit_in(start, known.start) {
                Some(digit) => start..digit,
                None => start..known.end,
            },
            _ => start..self.digit_in(start, self.text.len()).unwrap_or(self.text.len()),
        };
        let has_digit = known.end < range.end;
        self.no_digit = Some(known);
        has_digit
    }

    fn digit_in(&self, start: usize, end: usize) -> Option<usize> {
        let part = self.text.get(start..end)?;
        part.iter().position(u8::is_ascii_digit).map(|at| start + at)
    }
}
