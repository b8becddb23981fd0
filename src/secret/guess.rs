//! Whether a value is a secret, where its place alone does not say so.

use super::name::{Sensitivity, sensitivity};

/// What stands for a value that someone is to fill in, or did take out.
const STAND_INS: [&str; 12] = [
    "changeme",
    "change_me",
    "replace",
    "example",
    "placeholder",
    "redacted",
    "removed",
    "***",
    "todo",
    "dummy",
    "process.env",
    "os.environ",
];

/// What stands around the name of what is to be filled in.
const WRAPPED: [(&str, &str); 4] = [("<", ">"), ("${", "}"), ("$(", ")"), ("%(", ")s")];

/// Whose it is, before the name of what is to be filled in.
const OWNERS: [&str; 4] = ["your-", "your_", "my-", "my_"];

/// What is in such a name.
const NAMES: [&str; 9] = ["key", "token", "secret", "pass", "pwd", "cred", "auth", "value", "here"];

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
        || WORDS.contains(&lower.as_str())
        || STAND_INS.iter().any(|stand_in| lower.contains(stand_in))
        || is_wrapped(value.trim_matches(['"', '\'', '[', ']', '`', ' ']))
        || is_crossed_out(&lower)
        || OWNERS.iter().filter_map(|owner| lower.strip_prefix(owner)).any(is_name)
}

/// `<key>`, `${key}`, `{{key}}`, `{key}`, `%(key)s`, `%KEY%`, `$KEY`, `$api_key`, as a whole.
fn is_wrapped(value: &str) -> bool {
    let inside = |open: &str, close: &str| value.strip_prefix(open)?.strip_suffix(close);
    let is_word = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_-.".contains(&byte));
    let is_variable = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    WRAPPED.iter().any(|(open, close)| inside(open, close).is_some_and(|inner| !inner.contains(close)))
        || inside("{{", "}}").is_some()
        || inside("{", "}").is_some_and(is_word)
        || inside("%", "%").is_some_and(is_variable)
        || value
            .strip_prefix('$')
            .is_some_and(|name| is_variable(name) || is_word(name) && is_name(&name.to_ascii_lowercase()))
}

/// `xxxx-xxxx`, `sk-xxxxxxxx`, `sk-...`: half of it or more is what stands for letters.
fn is_crossed_out(lower: &str) -> bool {
    let crosses = lower.bytes().filter(|byte| matches!(byte, b'x' | b'.')).count();
    (lower.contains("xxx") || lower.contains("...")) && crosses * 2 >= lower.len()
}

/// It says of what kind the secret is.
fn is_name(lower: &str) -> bool {
    NAMES.iter().any(|name| lower.contains(name)) && !lower.bytes().any(|byte| byte.is_ascii_digit())
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
