//! The fields of a head that decide, found in one pass: to look each up by its name costs several times that.

use http::{HeaderMap, HeaderValue};

use super::Refusal;
use super::head::Twice;
use crate::protocol::header;

/// What stands under one name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Field<'a> {
    #[default]
    Missing,
    Once(&'a HeaderValue),
    Twice,
}

#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) host: Field<'a>,
    pub(super) origin: Field<'a>,
    pub(super) authorization: Field<'a>,
    pub(super) connection: Field<'a>,
    pub(super) transfer_encoding: Field<'a>,
    pub(super) content_length: Field<'a>,
    pub(super) content_encoding: Field<'a>,
    pub(super) content_type: Field<'a>,
    pub(super) accept: Field<'a>,
    pub(super) session_id: Field<'a>,
    pub(super) protocol_version: Field<'a>,
    /// One that mirrors the body.
    pub(super) has_mirror: bool,
    /// Of all names and values, as they are written.
    pub(super) bytes: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut fields = Self::default();
        for (name, value) in headers {
            fields.bytes += name.as_str().len() + value.len() + 4;
            match fields.named(name.as_str()) {
                Some(field) => field.stand(value),
                None => fields.has_mirror |= is_mirror(name.as_str()),
            }
        }
        fields
    }

    fn named(&mut self, name: &str) -> Option<&mut Field<'a>> {
        Some(match name {
            "host" => &mut self.host,
            "origin" => &mut self.origin,
            "authorization" => &mut self.authorization,
            "connection" => &mut self.connection,
            "transfer-encoding" => &mut self.transfer_encoding,
            "content-length" => &mut self.content_length,
            "content-encoding" => &mut self.content_encoding,
            "content-type" => &mut self.content_type,
            "accept" => &mut self.accept,
            "mcp-session-id" => &mut self.session_id,
            "mcp-protocol-version" => &mut self.protocol_version,
            _ => return None,
        })
    }
}

/// A header that repeats what the body says.
pub(super) fn is_mirror(name: &str) -> bool {
    matches!(name, "mcp-method" | "mcp-name") || name.starts_with(header::PARAM_PREFIX)
}

impl<'a> Field<'a> {
    fn stand(&mut self, value: &'a HeaderValue) {
        *self = match self {
            Self::Missing => Self::Once(value),
            Self::Once(_) | Self::Twice => Self::Twice,
        };
    }

    pub(super) fn is_missing(self) -> bool {
        matches!(self, Self::Missing)
    }

    /// The only value.
    pub(super) fn single(self) -> Result<Option<&'a HeaderValue>, Twice> {
        match self {
            Self::Missing => Ok(None),
            Self::Once(value) => Ok(Some(value)),
            Self::Twice => Err(Twice),
        }
    }

    /// The same, of a header that may stand once.
    pub(super) fn once(self, name: &str) -> Result<Option<&'a HeaderValue>, Refusal> {
        self.single().map_err(|Twice| Refusal::bad_request(format!("more than one {name}")))
    }
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, HOST, HeaderName};

    use super::*;

    #[test]
    fn a_field_that_stands_twice_has_no_value() {
        let mut headers = HeaderMap::new();
        headers.append(HOST, HeaderValue::from_static("a"));
        headers.append(ACCEPT, HeaderValue::from_static("b"));
        headers.append(HOST, HeaderValue::from_static("a"));
        let fields = Fields::of(&headers);
        assert!(fields.host.single().is_err() && fields.origin.is_missing());
        assert_eq!(fields.accept.single().ok().flatten(), Some(&HeaderValue::from_static("b")));
        assert_eq!(fields.bytes, 2 * ("host".len() + 5) + "accept".len() + 5);
    }

    #[test]
    fn a_mirror_is_seen_by_its_name() {
        let has_mirror = |name: &str| {
            let value = HeaderValue::from_static("a");
            Fields::of(&[(HeaderName::try_from(name).unwrap(), value)].into_iter().collect()).has_mirror
        };
        assert!([header::METHOD.as_str(), header::NAME.as_str(), "mcp-param-a"].into_iter().all(has_mirror));
        assert!(![header::SESSION_ID.as_str(), "mcp-paramount", "mcp"].into_iter().any(has_mirror));
    }
}
