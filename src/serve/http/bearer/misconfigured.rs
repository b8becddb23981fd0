//! What cannot be configured.

/// A value that cannot be what it is meant to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misconfigured {
    /// An issuer is an address without a fragment (RFC 8414, section 2).
    #[error("{0:?} is no issuer: it must not be empty, nor hold '#', space or controls")]
    Issuer(String),
    /// A resource is an address without a fragment (RFC 8707, section 2).
    #[error("{0:?} is no resource: it must not be empty, nor hold '#', space or controls")]
    Resource(String),
    /// A scope is one word (RFC 6749, section 3.3).
    #[error("{0:?} is no scope: it must be one word of visible ASCII without quotes and backslashes")]
    Scope(String),
    /// The metadata of a resource has an address.
    #[error(
        "{0:?} is no address: it must begin with https:// or http://, without quotes, backslashes and space"
    )]
    Metadata(String),
}

/// Neither empty nor able to mean two things beside a subject.
pub(super) fn is_identifier(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c == '#' || c.is_whitespace() || c.is_control())
}

/// Visible ASCII that needs no escape between quotes, and at least one such character.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}
