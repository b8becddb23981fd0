//! Secrets that are known by where they stand.

use std::ops::Range;

use super::encoded;
use super::format::is_behind_escape;
use super::guess::{is_placeholder, looks_random};
use super::name::{Sensitivity, sensitivity};
use super::runs::{Class, Runs};

/// A name is no longer on either side of the word that it was found by.
const NAME: usize = 64;
/// A value is judged by so much of it.
const HEAD: usize = 256;
/// A value in quotes is no longer.
const VALUE: usize = 4096;

/// The value of `Bearer …` or `Basic …`; the scheme stands at `at`.
pub(super) fn after_scheme(text: &str, at: Range<usize>, runs: &mut Runs<'_>) -> Option<Range<usize>> {
    let before = text[..at.start].trim_end_matches(['"', '\'', '\\', ' ', '[']);
    if is_inside(text, at.start) {
        return None;
    }
    let start = at.end + spaces(text, at.end);
    let value = start..runs.end(Class::Token68, start);
    let credential = &text[value.clone()];
    let basic = text[at.clone()].eq_ignore_ascii_case("basic");
    let is_secret = match () {
        () if start == at.end || credential.len() < 8 || is_placeholder(head(credential)) => false,
        () if basic => encoded::decoded(head(credential)).is_some_and(|pair| pair.contains(&b':')),
        // After the header's name, anything that could be a credential is one.
        () if before.ends_with([':', '=']) => head(credential).bytes().any(|byte| !byte.is_ascii_lowercase()),
        () => looks_random(head(credential)),
    };
    is_secret.then_some(value)
}

/// The value of `password=…`, `"api_key": "…"`, `?token=…`; a word of the name stands at `at`.
pub(super) fn assigned(text: &str, at: Range<usize>, runs: &mut Runs<'_>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let at = at.start..at.end - usize::from(bytes[at.end - 1] == b'=');
    let left = bytes[..at.start].iter().rev().take(NAME).take_while(|byte| is_word(**byte)).count();
    let right = bytes[at.end..].iter().take(NAME).take_while(|byte| is_word(**byte)).count();
    let name = at.start - left..at.end + right;
    let (separator, start) = separator(text, name.end)?;
    let in_query = name.start > 0 && matches!(bytes[name.start - 1], b'?' | b'&');
    let sure = match sensitivity(&text[name.clone()]) {
        Sensitivity::None if in_query && matches!(&text[name.clone()], "code" | "key") => Sensitivity::Weak,
        sure => sure,
    };
    let value = value(text, start, is_header(&text[name.clone()], separator), runs);
    if names_scheme(&text[name])
        && let Some(credential) = after_any_scheme(text, value.start, runs)
    {
        return Some(credential);
    }
    let is_call = text[value.end..].starts_with('(');
    (!is_call && is_secret(sure, separator, &text[value.clone()])).then_some(value)
}

fn names_scheme(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with("authorization")
}

/// The value of `Authorization: Token …`, whatever the scheme is called; it stands at `start`.
fn after_any_scheme(text: &str, start: usize, runs: &mut Runs<'_>) -> Option<Range<usize>> {
    let rest = &text.as_bytes()[start..];
    let scheme =
        rest.iter().take(NAME).take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'-').count();
    let end = start + scheme;
    let begin = end + spaces(text, end);
    // Those two have rules of their own.
    let is_known = ["bearer", "basic"].iter().any(|known| text[start..end].eq_ignore_ascii_case(known));
    if scheme == 0 || begin == end || is_known {
        return None;
    }
    let value = begin..runs.end(Class::Value, begin);
    looks_random(head(&text[value.clone()])).then_some(value)
}

fn is_secret(sure: Sensitivity, separator: u8, value: &str) -> bool {
    let value = head(value);
    let has = |kind: fn(&u8) -> bool| value.as_bytes().iter().any(kind);
    match sure {
        Sensitivity::None => false,
        Sensitivity::Weak => looks_random(value),
        Sensitivity::Strong if is_placeholder(value) || value.len() < 4 => false,
        // Prose and code have colons and plain words after them.
        Sensitivity::Strong if separator == b':' => {
            has(u8::is_ascii_digit) || has(|byte| b"!@#$%^&*+=".contains(byte)) || looks_random(value)
        }
        Sensitivity::Strong => !value.contains(['(', '.']) || has(u8::is_ascii_digit),
    }
}

/// What assigns, and where the value begins: after quotes, if there are any.
fn separator(text: &str, name_end: usize) -> Option<(u8, usize)> {
    let bytes = text.as_bytes();
    let at = name_end + quotes(text, name_end);
    let at = at + spaces(text, at);
    let separator = *bytes.get(at).filter(|byte| matches!(byte, b'=' | b':'))?;
    let at = at + 1 + usize::from(matches!(bytes.get(at + 1), Some(b'=' | b'>')));
    Some((separator, at + spaces(text, at)))
}

/// A header's value is the rest of its line.
fn is_header(name: &str, separator: u8) -> bool {
    separator == b':' && ["cookie", "set-cookie"].iter().any(|header| name.eq_ignore_ascii_case(header))
}

fn value(text: &str, start: usize, header: bool, runs: &mut Runs<'_>) -> Range<usize> {
    let inside = start + quotes(text, start);
    let rest = &text.as_bytes()[inside..];
    if header {
        return inside..runs.end(Class::Line, inside);
    }
    if inside > start {
        let quote = text.as_bytes()[inside - 1];
        if let Some(end) = rest.iter().take(VALUE).position(|byte| *byte == quote) {
            return inside..inside + end - usize::from(end > 0 && rest[end - 1] == b'\\');
        }
    }
    inside..runs.end(Class::Value, inside)
}

/// The password of `scheme://user:password@host`; the `://` stands at `at`.
pub(super) fn userinfo(text: &str, at: Range<usize>, runs: &mut Runs<'_>) -> Option<Range<usize>> {
    let authority = &text[at.end..runs.end(Class::Authority, at.end)];
    let at_sign = authority.rfind('@')?;
    let colon = authority[..at_sign].find(':')?;
    let password = at.end + colon + 1..at.end + at_sign;
    (!is_placeholder(&text[password.clone()])).then_some(password)
}

/// A JSON Web Token; its `eyJ` stands at `at`.
pub(super) fn web_token(text: &str, at: Range<usize>, runs: &mut Runs<'_>) -> Option<Range<usize>> {
    if is_inside(text, at.start) {
        return None;
    }
    let token = at.start..runs.end(Class::Dotted, at.start);
    let mut parts = text[token.clone()].split('.');
    let header = encoded::decoded(parts.next()?).is_some_and(|header| header.starts_with(b"{\""));
    let claims = parts.next().is_some_and(|claims| claims.len() >= 8);
    let signature = parts.next().is_some_and(|signature| signature.len() >= 16);
    (header && claims && signature).then_some(token)
}

/// A number of digits before, or a run of letters and digits, and a long run after: Telegram's and Terraform's keys.
pub(super) fn around(
    text: &str,
    at: Range<usize>,
    before: (Class, usize),
    after: usize,
    runs: &mut Runs<'_>,
) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let left = bytes[..at.start].iter().rev().take(NAME).take_while(|byte| before.0.has(**byte)).count();
    let end = runs.end(Class::Word, at.end);
    (left >= before.1 && end - at.end >= after).then(|| at.start - left..end)
}

/// Whether it goes on what stands before it.
fn is_inside(text: &str, start: usize) -> bool {
    start > 0 && is_word(text.as_bytes()[start - 1]) && !is_behind_escape(text, start)
}

fn is_word(byte: u8) -> bool {
    Class::Dotted.has(byte)
}

fn spaces(text: &str, at: usize) -> usize {
    text.as_bytes()[at..].iter().take(8).take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// One quote, and the backslashes before it where text was put into text.
fn quotes(text: &str, at: usize) -> usize {
    let rest = &text.as_bytes()[at..];
    let slashes = rest.iter().take(8).take_while(|byte| **byte == b'\\').count();
    match rest.get(slashes) {
        Some(b'"' | b'\'' | b'`') => slashes + 1,
        _ => 0,
    }
}

/// As much of it as is judged.
fn head(text: &str) -> &str {
    cut(text, HEAD)
}

fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
