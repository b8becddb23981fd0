//! Small reads in a line; each takes the text at its start and says where it ends.

use super::MAX_PARTS;
use super::line::Field;

/// The fields at the start of `text`, up to `close` or to the end, and where they end. Values that are left out
/// because there are too many of them are skipped.
pub(super) fn fields(text: &str, close: Option<char>) -> Option<(Vec<Field>, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        let name_end = at + key_end(&text[at..])?;
        let value_at = name_end + 1;
        let (value, length) = value(&text[value_at..], close);
        found.push(Field { name: text[at..name_end].to_owned(), value });
        at = value_at + length;
        match text[at..].chars().next() {
            None if close.is_none() => return Some((found, at)),
            Some(c) if Some(c) == close => return Some((found, at)),
            Some(' ') if found.len() < MAX_PARTS => at += 1,
            _ if close.is_none() => return Some((found, text.len())),
            _ => return None,
        }
    }
}

/// Where the first ` name=` of `text` begins, its space included.
pub(super) fn first_field(text: &str) -> Option<usize> {
    text.match_indices(' ').map(|(at, _)| at).find(|at| key_end(&text[at + 1..]).is_some())
}

/// Where a name ends that `=` follows.
pub(super) fn key_end(text: &str) -> Option<usize> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))?;
    (end > 0 && !text.starts_with(|c: char| c.is_ascii_digit()) && text[end..].starts_with('='))
        .then_some(end)
}

/// Where a path of Rust names (`a::b`) ends.
pub(super) fn path_end(text: &str) -> Option<usize> {
    let mut end = 0;
    loop {
        let name =
            text[end..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len() - end);
        if name == 0 {
            return None;
        }
        end += name;
        if !text[end..].starts_with("::") {
            return Some(end);
        }
        end += 2;
    }
}

fn value(text: &str, close: Option<char>) -> (String, usize) {
    if let Some(end) = quoted_end(text)
        && text[end..].chars().next().is_none_or(|c| c == ' ' || Some(c) == close)
    {
        return (unescape(&text[1..end - 1]), end);
    }
    let end = nested_end(text, close).unwrap_or_else(|| plain_end(text, close));
    (text[..end].to_owned(), end)
}

/// The end of a string as `Debug` writes it, behind its closing quote.
fn quoted_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    let inner = text.strip_prefix('"')?;
    let close = inner.find(|c| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    })?;
    Some(close + 2)
}

/// The end of a value in which brackets pair; `None` if they do not.
fn nested_end(text: &str, close: Option<char>) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if depth == 0 && is_end(&text[at..], close) {
            return Some(at);
        }
        match c {
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => depth = depth.checked_sub(1)?,
            '"' if depth > 0 => {
                at += quoted_end(&text[at..])?;
                continue;
            }
            _ => {}
        }
        at += c.len_utf8();
    }
    (depth == 0).then_some(at)
}

/// The end of a value that is not looked into.
fn plain_end(text: &str, close: Option<char>) -> usize {
    let end = text.char_indices().find(|(at, _)| is_end(&text[*at..], close));
    end.map_or(text.len(), |(at, _)| at)
}

fn is_end(text: &str, close: Option<char>) -> bool {
    close.is_some_and(|close| text.starts_with(close))
        || text.strip_prefix(' ').is_some_and(|rest| key_end(rest).is_some())
}

/// Undoes what `Debug` does to a string; an escape that it never writes stays as it is.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (c, length) = escape(&rest[at..]);
        out.push(c);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    out
}

/// `text` starts with a backslash.
fn escape(text: &str) -> (char, usize) {
    match text[1..].chars().next() {
        Some('n') => ('\n', 2),
        Some('r') => ('\r', 2),
        Some('t') => ('\t', 2),
        Some('0') => ('\0', 2),
        Some(c @ ('\\' | '"' | '\'')) => (c, 2),
        Some('u') => unicode(text).unwrap_or(('\\', 1)),
        _ => ('\\', 1),
    }
}

fn unicode(text: &str) -> Option<(char, usize)> {
    let hex = text.strip_prefix("\\u{")?;
    let end = hex.find('}').filter(|end| *end <= 6)?;
    let c = char::from_u32(u32::from_str_radix(&hex[..end], 16).ok()?)?;
    Some((c, end + 4))
}
