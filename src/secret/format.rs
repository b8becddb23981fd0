//! Keys that are known by how they are written.

use std::ops::Range;

use super::runs::{Class, Runs};

/// So much of a key is looked at for what says that it is none, in bytes.
const JUDGED: usize = 256;

/// How a provider's keys are written: a prefix, and then so many characters of a class.
#[derive(Debug)]
pub(super) struct Format {
    pub(super) kind: &'static str,
    pub(super) prefix: &'static str,
    pub(super) rest: Rest,
}

/// What follows the prefix of a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rest {
    /// Exactly so many characters, and no more of them.
    Exactly(Class, usize),
    /// At least so many. Among them is a digit: so that no identifier is taken for a key.
    AtLeast(Class, usize),
    /// Runs of at least so many characters, a separator between each two.
    Parts(char, &'static [(Class, usize)]),
}

impl Format {
    /// Where the key at `start` is, if it is one. The prefix stands there already.
    pub(super) fn find(&self, text: &str, start: usize, runs: &mut Runs<'_>) -> Option<Range<usize>> {
        let body = start + self.prefix.len();
        if !text[start..].starts_with(self.prefix) || is_inside_a_word(text, start) {
            return None;
        }
        let end = match self.rest {
            Rest::Exactly(class, length) => {
                Some(runs.end(class, body)).filter(|end| end - body == length && !continues(text, *end))
            }
            Rest::AtLeast(class, length) => {
                let end = runs.end(class, body);
                (end - body >= length && runs.has_digit(body..end)).then_some(end)
            }
            Rest::Parts(separator, parts) => self::parts(text, body, separator, parts, runs),
        };
        // Documentation shows keys that are none.
        end.map(|end| start..end).filter(|key| !is_example(&text[key.clone()]))
    }
}

fn parts(
    text: &str,
    body: usize,
    separator: char,
    parts: &[(Class, usize)],
    runs: &mut Runs<'_>,
) -> Option<usize> {
    let mut at = body;
    for (number, (class, least)) in parts.iter().enumerate() {
        if number > 0 {
            at += text[at..].starts_with(separator).then(|| separator.len_utf8())?;
        }
        let end = runs.end(*class, at);
        (end - at >= *least).then_some(())?;
        at = end;
    }
    Some(at)
}

/// It says so near its beginning. All of what is searched is ASCII.
fn is_example(key: &str) -> bool {
    key.as_bytes()[..key.len().min(JUDGED)].windows(7).any(|part| part.eq_ignore_ascii_case(b"EXAMPLE"))
}

/// A key begins where a word does.
fn is_inside_a_word(text: &str, start: usize) -> bool {
    start > 0 && text.as_bytes()[start - 1].is_ascii_alphanumeric() && !is_behind_escape(text, start)
}

/// Whether what ends at `end` is no part of a word but stands for another character, or for a colour: `\n`, `\x1b`,
/// `\u000a`, `\033`, `%3D`, `[32m`, as they are in text that was put into text.
pub(super) fn is_behind_escape(text: &str, end: usize) -> bool {
    let before = &text.as_bytes()[..end];
    let is_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    match before {
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f' | b'v' | b'e' | b'a' | b'0'] => true,
        [.., b'\\', b'x', one, two] | [.., b'%', one, two] if is_hex(&[*one, *two]) => true,
        [.., b'\\', b'u', a, b, c, d] if is_hex(&[*a, *b, *c, *d]) => true,
        [.., b'\\', b'0', b'3', b'3'] => true,
        _ => ends_code(before),
    }
}

/// A code of a terminal, of at most so many digits and `;`.
fn ends_code(before: &[u8]) -> bool {
    let Some((b'A'..=b'H' | b'J' | b'K' | b'm', before)) = before.split_last() else { return false };
    let numbers = before.iter().rev().take(16).take_while(|byte| matches!(byte, b'0'..=b'9' | b';')).count();
    before[..before.len() - numbers].last() == Some(&b'[')
}

fn continues(text: &str, end: usize) -> bool {
    text.as_bytes().get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}
