//! `WWW-Authenticate`: the one parameter of it that names an address of the server (RFC 9728, section 5.1).

use std::borrow::Cow;

use http::HeaderValue;

const NAME: &[u8] = b"resource_metadata";

/// The same challenges with `address` in place of what `resource_metadata` says, wherever it has another.
pub(super) fn rewrite(value: &HeaderValue, address: impl Fn(&str) -> Option<String>) -> HeaderValue {
    let bytes = value.as_bytes();
    let (mut out, mut copied, mut at) = (Vec::new(), 0, 0);
    while let Some(parameter) = next_parameter(bytes, at) {
        at = parameter.end;
        let Some(address) = parameter.text(bytes).and_then(|text| address(&text)) else { continue };
        if address.bytes().any(|byte| matches!(byte, b'"' | b'\\')) {
            continue;
        }
        out.extend_from_slice(&bytes[copied..parameter.start]);
        out.extend_from_slice(format!("\"{address}\"").as_bytes());
        copied = parameter.end;
    }
    if copied == 0 {
        return value.clone();
    }
    out.extend_from_slice(&bytes[copied..]);
    HeaderValue::from_bytes(&out).unwrap_or_else(|_| value.clone())
}

/// Where the value of the parameter stands, quotes and all.
struct Parameter {
    start: usize,
    end: usize,
}

/// The next one from `at` on, which is outside of every quoted string.
fn next_parameter(bytes: &[u8], mut at: usize) -> Option<Parameter> {
    while at < bytes.len() {
        if !is_token(bytes[at]) {
            at = if bytes[at] == b'"' { after_quoted(bytes, at) } else { at + 1 };
            continue;
        }
        let end = after_token(bytes, at);
        let is_name = bytes[at..end].eq_ignore_ascii_case(NAME);
        let equals = after_spaces(bytes, end);
        at = end;
        if is_name && bytes.get(equals) == Some(&b'=') {
            let start = after_spaces(bytes, equals + 1);
            let is_quoted = bytes.get(start) == Some(&b'"');
            let end = if is_quoted { after_quoted(bytes, start) } else { after_value(bytes, start) };
            return Some(Parameter { start, end });
        }
    }
    None
}

impl Parameter {
    /// Without its quotes and escapes.
    fn text<'a>(&self, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
        let raw = std::str::from_utf8(&bytes[self.start..self.end]).ok()?;
        let Some(quoted) = raw.strip_prefix('"') else { return Some(raw.into()) };
        let quoted = quoted.strip_suffix('"')?;
        // No address holds what is escaped.
        (!quoted.contains('\\')).then_some(quoted.into())
    }
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn after_token(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|byte| is_token(**byte)).count()
}

fn after_spaces(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// An address without quotes, which is no token but is written.
fn after_value(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|byte| !matches!(byte, b' ' | b'\t' | b',' | b'"')).count()
}

/// Past the closing quote, or the end.
fn after_quoted(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(value: &str) -> String {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        let new = rewrite(&value, |address| {
            address.strip_prefix("http://up/").map(|rest| format!("http://us/{rest}"))
        });
        String::from_utf8(new.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn only_the_address_of_the_metadata_is_changed() {
        for (before, after) in [
            (r#"Bearer resource_metadata="http://up/x""#, r#"Bearer resource_metadata="http://us/x""#),
            (
                r#"Bearer a="b",Resource_Metadata = "http://up/x", c=d"#,
                r#"Bearer a="b",Resource_Metadata = "http://us/x", c=d"#,
            ),
            (
                r#"Bearer resource_metadata=http://up/x, c=d"#,
                r#"Bearer resource_metadata="http://us/x", c=d"#,
            ),
            (
                r#"Basic realm="x", Bearer resource_metadata="http://up/1", DPoP resource_metadata="http://up/2""#,
                r#"Basic realm="x", Bearer resource_metadata="http://us/1", DPoP resource_metadata="http://us/2""#,
            ),
        ] {
            assert_eq!(seen(before), after);
        }
    }

    #[test]
    fn what_only_looks_like_it_is_left_alone() {
        for value in [
            r#"Bearer resource_metadata="http://other/x""#,
            r#"Bearer realm="resource_metadata=http://up/x""#,
            r#"Bearer realm="\", resource_metadata=\"http://up/x""#,
            r#"Bearer x_resource_metadata="http://up/x", resource_metadata_x="http://up/x""#,
            r#"Bearer resource_metadata"#,
            r#"Bearer resource_metadata="#,
            r#"Bearer resource_metadata="http://up/x"#,
            r#"Bearer resource_metadata="\"#,
            r#"Bearer resource_metadata="http://up/\x""#,
        ] {
            assert_eq!(seen(value), value);
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_what_names_nothing_of_ours_is_kept(
            value in "([ ,=\"\\\\]|resource_metadata|Bearer|http://elsewhere/x){0,12}",
        ) {
            prop_assert_eq!(seen(&value), value);
        }
    }
}
