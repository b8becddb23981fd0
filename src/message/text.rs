//! JSON strings: decoding escapes, writing literals.

use std::borrow::Cow;

/// Decodes the inside of a JSON string that the scanner has passed. A lone surrogate becomes U+FFFD.
pub(crate) fn decode(inner: &str, escaped: bool) -> Cow<'_, str> {
    if !escaped {
        return Cow::Borrowed(inner);
    }
    Cow::Owned(chars(inner).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

/// Decodes text that is compared: `None` for a lone surrogate, which peers read in different ways.
pub(crate) fn decode_exact(inner: &str) -> Option<Cow<'_, str>> {
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    chars(inner).collect::<Option<String>>().map(Cow::Owned)
}

/// The characters of the inside of a JSON string; `None` for a lone surrogate.
pub(crate) fn chars(inner: &str) -> impl Iterator<Item = Option<char>> + '_ {
    let mut rest = inner;
    std::iter::from_fn(move || {
        let (unit, after) = next_char(rest)?;
        rest = after;
        Some(unit)
    })
}

/// The first of them, and what follows it.
pub(crate) fn next_char(rest: &str) -> Option<(Option<char>, &str)> {
    let first = rest.chars().next()?;
    if first != '\\' {
        return Some((Some(first), &rest[first.len_utf8()..]));
    }
    let plain = |c| Some((Some(c), rest.get(2..).unwrap_or("")));
    match rest.as_bytes().get(1)? {
        b'u' => Some(unicode_escape(rest)),
        b'b' => plain('\u{8}'),
        b'f' => plain('\u{c}'),
        b'n' => plain('\n'),
        b'r' => plain('\r'),
        b't' => plain('\t'),
        other => plain(char::from(*other)),
    }
}

/// `rest` starts with `\u`.
fn unicode_escape(rest: &str) -> (Option<char>, &str) {
    let unit = |text: &str| text.get(2..6).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let after = rest.get(6..).unwrap_or("");
    let Some(high) = unit(rest) else { return (None, after) };
    if (0xD800..0xDC00).contains(&high)
        && after.starts_with("\\u")
        && let Some(low) = unit(after).filter(|low| (0xDC00..0xE000).contains(low))
    {
        let point = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        return (char::from_u32(point), after.get(6..).unwrap_or(""));
    }
    (char::from_u32(high), after)
}

/// Appends `value` as a JSON string literal, quotes included. U+2028 and U+2029 stay raw: JSON allows them.
pub(crate) fn write_string(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    let mut rest = value.as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\')) {
        out.extend_from_slice(&rest[..at]);
        write_escape(out, rest[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn write_escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

/// Appends an integer without going through `String`.
pub(super) fn write_integer(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The same of what is never negative.
#[cfg(feature = "tape")]
pub(crate) fn write_unsigned(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_string_decodes_to_itself() {
        for value in ["", "a", "a\"b\\c", "\u{0}\u{1f}\n\r\t", "é\u{2028}\u{1F600}"] {
            let mut out = Vec::new();
            write_string(&mut out, value);
            let inner = std::str::from_utf8(&out[1..out.len() - 1]).unwrap();
            assert_eq!(decode(inner, true), value);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), value);
        }
    }

    #[test]
    fn surrogates_decode_in_pairs_only() {
        assert_eq!(decode(r"\ud83d\ude00", true), "\u{1F600}");
        assert_eq!(decode(r"\ude00\ud83d", true), "\u{FFFD}\u{FFFD}");
        assert_eq!(chars(r"a\ud800").last(), Some(None));
    }

    #[test]
    fn integers_are_written_as_rust_writes_them() {
        for value in [0, 7, -7, 10, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            write_integer(&mut out, value);
            assert_eq!(out, value.to_string().into_bytes());
        }
    }
}
