//! What a head says about its own message, and what may not be said twice or both ways.

use http::header::{
    ACCEPT, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, ORIGIN,
    TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::Refusal;
use super::fields::{Field, Fields};
use super::forward::{is_credential, tokens};
use crate::protocol::header;

/// The most fields of a head, and bytes of their names and values together.
const MAX_FIELDS: usize = 100;
const MAX_BYTES: usize = 16 << 10;

/// A header that decides something, and stands twice.
#[derive(Debug)]
pub(super) struct Twice;

/// The only value of a header.
pub(super) fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Twice> {
    if !repeats(headers) {
        return Ok(headers.get(name));
    }
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Twice),
        (first, None) => Ok(first),
    }
}

/// Whether any header stands twice. Nearly none does, and then one look-up of a header is enough.
pub(super) fn repeats(headers: &HeaderMap) -> bool {
    headers.keys_len() < headers.len()
}

/// The size of the head, as far as it is one: a server's HTTP library bounds what it reads of it.
pub(super) fn check_size(headers: &HeaderMap, fields: &Fields<'_>) -> Result<(), Refusal> {
    if headers.len() > MAX_FIELDS || fields.bytes > MAX_BYTES {
        return Err(Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too large"));
    }
    Ok(())
}

/// How long the body is, said once and in one way; no header that decides is declared a matter of the connection.
pub(super) fn check_framing(headers: &HeaderMap, fields: &Fields<'_>, max_body: u64) -> Result<(), Refusal> {
    fields.authorization.once("authorization")?;
    if !fields.connection.is_missing() {
        check_connection(headers)?;
    }
    let coding = fields.transfer_encoding.once("transfer-encoding")?;
    if coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Err(Refusal::bad_request("an unknown Transfer-Encoding"));
    }
    let Some(length) = fields.content_length.once("content-length")? else { return Ok(()) };
    if coding.is_some() {
        return Err(Refusal::bad_request("both Transfer-Encoding and Content-Length"));
    }
    let digits = length.to_str().unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::bad_request("Content-Length is no number"));
    }
    // What does not fit the type is too large for sure.
    match digits.parse::<u64>() {
        Ok(length) if length <= max_body => Ok(()),
        _ => Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large")),
    }
}

fn check_connection(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.get_all(CONNECTION).iter().any(|value| value.to_str().is_err()) {
        return Err(Refusal::bad_request("Connection names what is no header"));
    }
    if tokens(headers, &CONNECTION).any(is_decisive) {
        return Err(Refusal::bad_request("Connection names a header that is not the connection's"));
    }
    Ok(())
}

/// `Connection` may not name it: whoever strips it for that changes what the rest of the way goes by.
fn is_decisive(name: &str) -> bool {
    const NAMES: [HeaderName; 8] = [
        HOST,
        ORIGIN,
        CONTENT_TYPE,
        CONTENT_LENGTH,
        CONTENT_ENCODING,
        TRANSFER_ENCODING,
        ACCEPT,
        header::LAST_EVENT_ID,
    ];
    let name = name.to_ascii_lowercase();
    let credential = HeaderName::from_bytes(name.as_bytes()).is_ok_and(|name| is_credential(&name));
    credential
        || name == COOKIE.as_str()
        || name.starts_with("mcp-")
        || NAMES.iter().any(|known| known == &*name)
}

/// The body is JSON in UTF-8 as it stands: another type is what a web page could send unasked, and what is
/// compressed is not unpacked.
pub(super) fn check_content(headers: &HeaderMap, fields: &Fields<'_>) -> Result<(), Refusal> {
    let refuse = |text| Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    let is_coded = || headers.get_all(CONTENT_ENCODING).iter().any(|coding| !is(coding, "identity"));
    if !fields.content_encoding.is_missing() && is_coded() {
        return refuse("the body may not be compressed");
    }
    match fields.content_type.once("content-type")? {
        Some(value) if value == "application/json" || value.to_str().is_ok_and(is_json) => Ok(()),
        _ => refuse("Content-Type is not application/json"),
    }
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| {
        let Some((name, value)) = parameter.split_once('=') else { return false };
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        name.eq_ignore_ascii_case("charset") && value.eq_ignore_ascii_case("utf-8")
    })
}

fn is(value: &HeaderValue, text: &str) -> bool {
    value.as_bytes().eq_ignore_ascii_case(text.as_bytes())
}

/// What a client takes as an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "Streamable HTTP has these two")]
pub struct Accepted {
    /// One JSON document.
    pub json: bool,
    /// An event stream.
    pub events: bool,
}

/// What a request's `Accept` allows; a request without one takes anything.
///
/// Clients are to name both kinds. One that names a single kind is served where that kind will do.
///
/// ```
/// use http::HeaderMap;
/// use shadowcat::wire::http::accepted;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("accept", "application/json;q=0.5, text/event-stream;q=0".parse()?);
/// let accepted = accepted(&headers);
/// assert!(accepted.json && !accepted.events);
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
pub fn accepted(headers: &HeaderMap) -> Accepted {
    accepted_by(headers, headers.get(ACCEPT).map_or(Field::Missing, Field::Once))
}

/// The same, where it is known what stands under the name, or stands there first.
pub(super) fn accepted_by(headers: &HeaderMap, accept: Field<'_>) -> Accepted {
    if matches!(accept, Field::Once(value) if value == "application/json, text/event-stream") {
        return Accepted { json: true, events: true }; // as nearly every client writes it
    }
    let all = accept.is_missing();
    let mut accepted = Accepted { json: all, events: all };
    for range in tokens(headers, &ACCEPT) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let is = |names: [&str; 3]| names.iter().any(|name| kind.eq_ignore_ascii_case(name));
        if parts.any(is_zero_weight) {
            continue;
        }
        accepted.json |= is(["*/*", "application/*", "application/json"]);
        accepted.events |= is(["*/*", "text/*", "text/event-stream"]);
    }
    accepted
}

fn is_zero_weight(parameter: &str) -> bool {
    let weight = parameter.strip_prefix("q=").or(parameter.strip_prefix("Q="));
    weight.is_some_and(|weight| {
        weight.starts_with('0') && weight.bytes().all(|byte| matches!(byte, b'0' | b'.'))
    })
}
