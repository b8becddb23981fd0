//! The client's own credential, on its way through a transparent hop.

use std::fmt;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

/// The `Authorization` that a client sent with a message, or that it sent none: an extension of the message.
///
/// A front end puts it there only where it is told to be transparent, and a leaf sends it on only where it is told the
/// same. Debug never shows it, but every layer between the two can read it.
///
/// ```
/// use http::HeaderMap;
/// use shadowcat::wire::http::ClientAuthorization;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("authorization", "Bearer s3cret".parse()?);
/// let sent = ClientAuthorization::of(&headers);
/// assert_eq!(sent.value().unwrap(), "Bearer s3cret");
/// assert!(!format!("{sent:?} {:?}", sent.value()).contains("s3cret"));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Clone)]
pub struct ClientAuthorization(Option<HeaderValue>);

impl ClientAuthorization {
    /// What these headers say. An [`Endpoint`](super::Endpoint) refuses more than one.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut value = headers.get(AUTHORIZATION).cloned();
        value.iter_mut().for_each(|value| value.set_sensitive(true));
        Self(value)
    }

    /// The value; it is marked as sensitive.
    pub fn value(&self) -> Option<&HeaderValue> {
        self.0.as_ref()
    }
}

impl fmt::Debug for ClientAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "ClientAuthorization(sent)" } else { "ClientAuthorization(none)" })
    }
}
