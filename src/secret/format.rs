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
    start > 0 && text.as_bytes()[start - 1].is_ascii_alphanumeric()
}

fn continues(text: &str, end: usize) -> bool {
    text.as_bytes().get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}
