//! Percent escapes, as in an address: ` ` as `%20`.

/// Adds each of `bytes` as an escape.
#[cfg(feature = "tape")]
pub(crate) fn escape(out: &mut String, bytes: &[u8]) {
    use std::fmt::Write;
    for byte in bytes {
        let _ = write!(out, "%{byte:02X}");
    }
}

/// One layer of escapes less; `None` if there is none. A `%` that begins none stands for itself.
pub(crate) fn unescape(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    while let [first, after @ ..] = rest {
        let byte = escaped(rest);
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &rest[3..] } else { after };
    }
    (out.len() < bytes.len()).then_some(out)
}

/// The byte whose escape this begins with.
fn escaped(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_layer_of_whole_escapes_is_taken_off() {
        for (text, expected) in [
            ("", None),
            ("a", None),
            ("%", None),
            ("100%", None),
            ("%2", None),
            ("%+1%-1%g0%0g%é", None),
            ("%2e", Some(".")),
            ("%2E%2e", Some("..")),
            ("%252e", Some("%2e")),
            ("%%2525", Some("%%25")),
            ("a%20b%", Some("a b%")),
        ] {
            assert_eq!(unescape(text.as_bytes()).as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }

    #[cfg(feature = "tape")]
    #[test]
    fn any_byte_is_escaped_and_read_again() {
        let all: Vec<u8> = (0..=255).collect();
        let mut text = String::new();
        escape(&mut text, &all);
        assert!(text.starts_with("%00%01") && text.ends_with("%FE%FF"), "{text}");
        assert_eq!(unescape(text.as_bytes()), Some(all));
    }
}
