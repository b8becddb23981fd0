//! The two headers of legacy streams.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Refusal;
use super::head::{Twice, single};
use crate::protocol::header;

/// The most bytes of a session's or an event's id.
const MAX_BYTES: usize = 1024;

/// The session that a request belongs to, or that a response opens; at most 1024 visible ASCII characters
/// (2025-11-25 basic/transports, "Session Management").
///
/// # Errors
///
/// It stands twice, or is no session's id: 400.
pub fn session_id(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    visible(headers, &header::SESSION_ID)
}

/// The event that a stream is to be taken up after; at most 1024 visible ASCII characters.
///
/// # Errors
///
/// It stands twice, or is no event's id: 400.
pub fn last_event_id(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    visible(headers, &header::LAST_EVENT_ID)
}

/// An event's id as the `Last-Event-ID` to send; `None` if it is none that may stand in a header, or empty.
///
/// ```
/// use shadowcat::wire::http::last_event_id_value;
///
/// assert_eq!(last_event_id_value("0/17").unwrap(), "0/17");
/// assert!(last_event_id_value("a\x1b[2Jb").is_none());
/// ```
pub fn last_event_id_value(id: &str) -> Option<HeaderValue> {
    is_visible(id.as_bytes()).then(|| HeaderValue::from_str(id).ok()).flatten()
}

fn visible<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let value =
        single(headers, name).map_err(|Twice| Refusal::bad_request(format!("more than one {name}")))?;
    let Some(value) = value else { return Ok(None) };
    let text = is_visible(value.as_bytes()).then(|| str::from_utf8(value.as_bytes()).ok()).flatten();
    text.map(Some).ok_or_else(|| Refusal::bad_request(format!("{name} is malformed")))
}

pub(super) fn is_visible(id: &[u8]) -> bool {
    // To the end, without a branch for each byte.
    let is_graphic = || id.iter().fold(true, |all, byte| all & byte.is_ascii_graphic());
    (1..=MAX_BYTES).contains(&id.len()) && is_graphic()
}
