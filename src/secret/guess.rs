//! Whether a value is a secret, where its place alone does not say so.

use super::name::{Sensitivity, sensitivity};

/// What stands for a value that someone is to fill in, or did take out.
const STAND_INS: [&str; 22] = [
    "changeme",
    "change_me",
    "replace",
    "example",
    "placeholder",
    "redacted",
    "removed",
    "your-",
    "your_",
    "my-",
    "my_",
    "xxx",
    "***",
    "...",
    "<",
    "${",
    "{{",
    "%(",
    "todo",
    "dummy",
    "process.env",
    "os.environ",
];

/// A word that is a value of its own.
const WORDS: [&str; 14] = [
    "true",
    "false",
    "null",
    "none",
    "nil",
    "undefined",
    "yes",
    "no",
    "required",
    "optional",
    "string",
    "bearer",
    "basic",
    "empty",
];

/// Whether the whole value of a member is a secret, by the member's name.
pub(super) fn is_secret_member(name: &str, value: &str) -> bool {
    is_secret_value(sensitivity(name), value)
}

/// The same, by what the name says.
pub(super) fn is_secret_value(sure: Sensitivity, value: &str) -> bool {
    match sure {
        Sensitivity::None => false,
        Sensitivity::Weak => looks_random(value),
        Sensitivity::Strong => !is_placeholder(value),
    }
}

/// Nothing, a word, or what someone is to put a secret in the place of.
pub(super) fn is_placeholder(value: &str) -> bool {
    let lower = value.trim_matches(['"', '\'', '[', ']', '`', ' ']).to_ascii_lowercase();
    let first = lower.chars().next();
    first.is_none_or(|first| lower.chars().all(|c| c == first))
        || lower.starts_with(['$', '%', '<', '{'])
        || WORDS.contains(&lower.as_str())
        || STAND_INS.iter().any(|stand_in| match stand_in.ends_with(['-', '_']) {
            true => lower.starts_with(stand_in),
            false => lower.contains(stand_in),
        })
}

/// Whether it looks as if it was drawn by lot: long, of several kinds of characters, no word and no sentence.
pub(super) fn looks_random(value: &str) -> bool {
    if value.len() < 16 || value.contains(char::is_whitespace) || is_placeholder(value) {
        return false;
    }
    let has = |kind: fn(&u8) -> bool| value.as_bytes().iter().any(kind);
    let letters = has(u8::is_ascii_lowercase) || has(u8::is_ascii_uppercase);
    let mixed = letters && has(u8::is_ascii_digit) || changes_of_case(value) >= 4;
    mixed && bits_of_entropy(value) >= 3.0
}

fn changes_of_case(value: &str) -> usize {
    let letters: Vec<_> = value.bytes().filter(u8::is_ascii_alphabetic).collect();
    letters.windows(2).filter(|pair| pair[0].is_ascii_lowercase() != pair[1].is_ascii_lowercase()).count()
}

/// Per character (Shannon), of what is at most the first 256 of them.
#[expect(clippy::cast_precision_loss, reason = "at most 256")]
pub(super) fn bits_of_entropy(value: &str) -> f64 {
    let bytes = &value.as_bytes()[..value.len().min(256)];
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let share = |count: &u32| f64::from(*count) / bytes.len() as f64;
    counts.iter().filter(|count| **count > 0).map(|count| -share(count) * share(count).log2()).sum()
}
