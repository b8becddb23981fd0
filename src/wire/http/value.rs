//! Text in a header value (2026-07-28 basic/transports/streamable-http, "Value Encoding").

use std::borrow::Cow;

use http::HeaderValue;

use super::base64;

const PREFIX: &str = "=?base64?";
const SUFFIX: &str = "?=";

/// A header value that is not what [`encode_value`] writes for any text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidValue {
    /// A byte that is neither visible ASCII nor a blank.
    #[error("a header value with other than visible ASCII characters")]
    Characters,
    /// Between the markers stands no base64 of UTF-8 text.
    #[error("a header value that is marked as base64 and is not")]
    Base64,
}

/// Text as a header value: as it is if it is visible ASCII, else in base64 between markers.
///
/// ```
/// use shadowcat::wire::http::{decode_value, encode_value};
///
/// assert_eq!(encode_value("us-west1"), "us-west1");
/// assert_eq!(encode_value("Hello, 世界"), "=?base64?SGVsbG8sIOS4lueVjA==?=");
/// assert_eq!(encode_value(" padded "), "=?base64?IHBhZGRlZCA=?=");
/// assert_eq!(decode_value(&encode_value("line1\nline2"))?, "line1\nline2");
/// # Ok::<(), shadowcat::wire::http::InvalidValue>(())
/// ```
pub fn encode_value(text: &str) -> HeaderValue {
    let plain = is_plain(text) && !(text.starts_with(PREFIX) && text.ends_with(SUFFIX));
    let encoded = if plain {
        Cow::Borrowed(text)
    } else {
        Cow::Owned([PREFIX, &base64::encode(text.as_bytes()), SUFFIX].concat())
    };
    HeaderValue::from_str(&encoded).expect("visible ASCII and spaces are a header value")
}

/// The text of a header value, the exact inverse of [`encode_value`]; a plain value may also hold tabs.
///
/// # Errors
///
/// No text is written so.
pub fn decode_value(value: &HeaderValue) -> Result<Cow<'_, str>, InvalidValue> {
    let text = value.to_str().map_err(|_| InvalidValue::Characters)?;
    if !(text.starts_with(PREFIX) && text.ends_with(SUFFIX)) {
        return Ok(Cow::Borrowed(text));
    }
    let inner = text.get(PREFIX.len()..text.len() - SUFFIX.len()).ok_or(InvalidValue::Base64)?;
    let bytes = base64::decode(inner).ok_or(InvalidValue::Base64)?;
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| InvalidValue::Base64)
}

fn is_plain(text: &str) -> bool {
    let padded = text.starts_with(' ') || text.ends_with(' ');
    !padded && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}
