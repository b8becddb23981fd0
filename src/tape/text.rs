//! JSON as it is written: without space, with space for people, and whether other tools would write it alike.

use crate::message::{self, JsonRpcMessage, ScanOptions, string_end};

/// One JSON document in UTF-8, of any depth.
pub(super) fn is_json(bytes: &[u8]) -> bool {
    message::is_json(bytes)
}

/// Whether a line can hold it as it is: nothing around it, and no line break in it. It is JSON.
pub(super) fn fits_a_line(json: &[u8]) -> bool {
    let spaced = |byte: Option<&u8>| byte.is_none_or(|byte| is_space(*byte));
    !spaced(json.first()) && !spaced(json.last()) && memchr::memchr2(b'\n', b'\r', json).is_none()
}

/// Whether it comes back to the byte when the space between its tokens is taken away, also after another tool has
/// read it and written it again: no space, no escape that need not be, no number that can be spelled otherwise, no
/// key that stands twice. It is JSON.
pub(super) fn is_plain(json: &[u8]) -> bool {
    let options = ScanOptions::new().unlimited();
    let bytes = || bytes::Bytes::copy_from_slice(json);
    tokens(json).all(is_plain_token) && JsonRpcMessage::parse_with(bytes(), &options).is_ok()
}

fn is_plain_token(token: Token<'_>) -> bool {
    match token {
        Token::Text(text) => is_plain_text(text),
        Token::Word(word) => word[0].is_ascii_lowercase() || is_plain_number(word),
        Token::Mark(_) => true,
        Token::Space => false,
    }
}

/// Small enough that a double holds it.
fn is_plain_number(word: &[u8]) -> bool {
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    digits.iter().all(u8::is_ascii_digit) && digits.len() <= 15 && word != b"-0"
}

/// With its quotes.
fn is_plain_text(text: &[u8]) -> bool {
    // What some tools escape: DEL, and all that is not ASCII where it ends a line for JavaScript.
    let mut at = 1;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        let Some(escape) = text.get(at + found + 1) else { return false };
        if !matches!(escape, b'"' | b'\\' | b'n' | b'r' | b't') {
            return false;
        }
        at += found + 2;
    }
    !text.contains(&0x7f)
}

/// A piece of JSON text.
enum Token<'a> {
    /// A string, with its quotes.
    Text(&'a [u8]),
    /// A number, `true`, `false` or `null`.
    Word(&'a [u8]),
    /// A bracket, a comma, a colon.
    Mark(u8),
    /// Space between them.
    Space,
}

/// The tokens of what is JSON; of anything else some, and an end.
fn tokens(json: &[u8]) -> impl Iterator<Item = Token<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let first = *json.get(at)?;
        let start = at;
        let rest = |is: fn(u8) -> bool| json[start..].iter().take_while(|byte| is(**byte)).count();
        let token = match first {
            b'"' => {
                at = string_end(json, at).unwrap_or(json.len());
                Token::Text(&json[start..at])
            }
            b'{' | b'}' | b'[' | b']' | b',' | b':' => {
                at += 1;
                Token::Mark(first)
            }
            _ if is_space(first) => {
                at += rest(is_space);
                Token::Space
            }
            _ => {
                at += rest(|byte| {
                    !is_space(byte) && !matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"')
                });
                Token::Word(&json[start..at])
            }
        };
        Some(token)
    })
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Without the space between its tokens.
pub(super) fn compact(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    for token in tokens(json) {
        match token {
            Token::Text(text) | Token::Word(text) => out.extend_from_slice(text),
            Token::Mark(mark) => out.push(mark),
            Token::Space => {}
        }
    }
    out
}

/// So much space is added for people, at most: nesting can make forty times as much of what is small.
const MOST_SPACE: usize = 1 << 20;

/// For people: each member and element in a line of its own, tokens as they were written. What would be very large so is
/// written without space.
pub(super) fn pretty(json: &[u8], depth: usize, out: &mut Vec<u8>) {
    let start = out.len();
    if !lay_out(json, depth, out, start + json.len() + MOST_SPACE) {
        out.truncate(start);
        out.extend_from_slice(&compact(json));
    }
}

/// `false` where `out` becomes longer than `most`, and has only the beginning.
fn lay_out(json: &[u8], depth: usize, out: &mut Vec<u8>, most: usize) -> bool {
    let mut depth = depth;
    let mut tokens = tokens(json).filter(|token| !matches!(token, Token::Space)).peekable();
    while let Some(token) = tokens.next() {
        match token {
            Token::Text(text) | Token::Word(text) => out.extend_from_slice(text),
            Token::Mark(mark @ (b'{' | b'[')) => {
                out.push(mark);
                if let Some(Token::Mark(end @ (b'}' | b']'))) = tokens.peek() {
                    out.push(*end);
                    tokens.next();
                } else {
                    depth += 1;
                    line(depth, out);
                }
            }
            Token::Mark(mark @ (b'}' | b']')) => {
                depth = depth.saturating_sub(1);
                line(depth, out);
                out.push(mark);
            }
            Token::Mark(b',') => {
                out.push(b',');
                line(depth, out);
            }
            Token::Mark(mark) => out.extend_from_slice(&[mark, b' ']),
            Token::Space => {}
        }
        if out.len() > most {
            return false;
        }
    }
    true
}

/// A new line. Deeper than a page is wide, it is not indented any further: hostile nesting must not grow.
pub(super) fn line(depth: usize, out: &mut Vec<u8>) {
    const WIDEST: usize = 40;
    out.push(b'\n');
    out.resize(out.len() + 2 * depth.min(WIDEST), b' ');
}
