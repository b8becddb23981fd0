//! Ids and names: the values that are compared, and so must mean the same to every peer.

use std::borrow::Cow;
use std::str;

use super::super::envelope::IdToken;
use super::super::options::ScanOptions;
use super::super::parse_error::Fault;
use super::super::text;

/// The largest integer that every JSON library keeps: 2^53 − 1.
const MAX_ID: u64 = (1 << 53) - 1;

/// Classifies a value that stands as an id.
pub(super) fn id_token(raw: &[u8], options: &ScanOptions) -> Result<IdToken, Fault> {
    const RULE: &str = "id must be a non-empty string without control characters or an integer within 2^53-1";
    if raw.len() > options.max_id && !options.transparent {
        return Err(Fault::Envelope("id is too long"));
    }
    if let Some(inner) = string(raw) {
        return name(inner, options, RULE).map(|escaped| IdToken::String { escaped });
    }
    if raw == b"null" {
        return Ok(IdToken::Null);
    }
    match integer(raw) {
        Some(value) => Ok(IdToken::Integer(value)),
        None if options.transparent && is_number(raw) => Ok(IdToken::Number),
        None => Err(Fault::Envelope(RULE)),
    }
}

/// An integer that means the same number to every peer. The grammar of numbers has been checked.
fn integer(raw: &[u8]) -> Option<i64> {
    let digits = raw.strip_prefix(b"-").unwrap_or(raw);
    if digits.len() > 16 || raw == b"-0" {
        return None;
    }
    let value = digits.iter().try_fold(0, |value: i64, digit| {
        digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0'))
    })?;
    let value = if digits.len() < raw.len() { -value } else { value };
    (value.unsigned_abs() <= MAX_ID).then_some(value)
}

/// Told by its first byte: the scanner has passed the rest.
pub(super) fn is_number(raw: &[u8]) -> bool {
    matches!(raw.first(), Some(b'-' | b'0'..=b'9'))
}

/// The inside of a string.
pub(super) fn string(raw: &[u8]) -> Option<&[u8]> {
    raw.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

/// The decoded inside of a string.
pub(super) fn decode(inner: &[u8]) -> Cow<'_, str> {
    text::decode(str::from_utf8(inner).unwrap_or_default(), true)
}

/// Text that is compared and logged; whether it has escapes.
pub(super) fn name(inner: &[u8], options: &ScanOptions, rule: &'static str) -> Result<bool, Fault> {
    // Printable ASCII without escapes is nearly every name there is.
    let plain = |byte: u8| matches!(byte, b' '..=b'~') & (byte != b'\\');
    if inner.iter().fold(true, |all, byte| all & plain(*byte)) {
        return if inner.is_empty() { Err(Fault::Envelope(rule)) } else { Ok(false) };
    }
    let mut units = text::chars(str::from_utf8(inner).unwrap_or_default());
    match units.find(|unit| unit.is_none_or(char::is_control)) {
        Some(Some(_)) => Err(Fault::Envelope(rule)),
        Some(None) if !options.transparent => Err(Fault::LoneSurrogate),
        Some(None) if units.flatten().any(char::is_control) => Err(Fault::Envelope(rule)),
        _ => Ok(inner.contains(&b'\\')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_ids_only_where_every_peer_keeps_them() {
        assert_eq!(integer(b"-9007199254740991"), Some(-9_007_199_254_740_991));
        for other in ["9007199254740992", "-0", "1.0", "1e3", "null", "12345678901234567890"] {
            assert_eq!(integer(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn names_have_no_controls_however_they_are_spelled() {
        let strict = ScanOptions::new();
        for odd in ["", r"a\n", r"\u0000", r"\u007F", "\u{7f}", "\u{85}", r"\u009f"] {
            assert_eq!(name(odd.as_bytes(), &strict, "rule"), Err(Fault::Envelope("rule")), "{odd:?}");
        }
        assert_eq!(name(r"\u0061\/".as_bytes(), &strict, "rule"), Ok(true));
        assert_eq!(name("é☃".as_bytes(), &strict, "rule"), Ok(false));
        assert_eq!(name(br"\ud800", &strict, "rule"), Err(Fault::LoneSurrogate));
        assert_eq!(name(br"\ud800", &strict.transparent(), "rule"), Ok(true));
        assert_eq!(name(br"\ud800\n", &strict.transparent(), "rule"), Err(Fault::Envelope("rule")));
    }
}
