//! The fields of a head that decide, found in one pass: to look each up by its name costs several times that.

use http::{HeaderMap, HeaderValue};

use super::Refusal;
use super::head::Twice;

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
    /// Of all names and values, as they are written.
    pub(super) bytes: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut fields = Self::default();
        for (name, value) in headers {
            fields.bytes += name.as_str().len() + value.len() + 4;
            if let Some(field) = fields.named(name.as_str()) {
                *field = match field {
                    Field::Missing => Field::Once(value),
                    Field::Once(_) | Field::Twice => Field::Twice,
                };
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
            _ => return None,
        })
    }
}

impl<'a> Field<'a> {
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
    use http::header::{ACCEPT, HOST};

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
}
