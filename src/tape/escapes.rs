//! Text with the escapes of JSON in it, which need not be JSON.

use std::borrow::Cow;

/// The text as a reader of JSON would see it. What is no escape stays as it is.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (read, length) = escape(&rest[at + 1..]).unwrap_or(('\\', 0));
        out.push(read);
        rest = &rest[at + 1 + length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// What stands behind a backslash, and how long it is.
fn escape(rest: &str) -> Option<(char, usize)> {
    let plain = match rest.as_bytes().first()? {
        b'u' => {
            let hex = rest.get(1..5).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
            let point = u32::from_str_radix(hex, 16).ok()?;
            return Some((char::from_u32(point)?, 5));
        }
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        plain @ (b'"' | b'\\' | b'/') => char::from(*plain),
        _ => return None,
    };
    Some((plain, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_escape_stays() {
        for (text, read) in [
            ("plain", "plain"),
            (r#"\u0070ass\"\n"#, "pass\"\n"),
            (r"C:\x\é\u12\ud800 \", r"C:\x\é\u12\ud800 \"),
            (r"\\u0070", r"\u0070"),
        ] {
            assert_eq!(unescaped(text), read, "{text}");
        }
    }
}
