//! Why a request goes no further.

use http::StatusCode;

/// Why a request was refused: an extension of the response, for layers outside. The client learns only what RFC 6750
/// tells it: that it needs a token, that its token is not valid, or which scope is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// There is no bearer token: no `Authorization`, or one of another scheme.
    #[error("no bearer token")]
    Missing,
    /// There is more than one `Authorization`.
    #[error("more than one Authorization")]
    Twice,
    /// It is no token in three parts, too long, or its header or claims are no strict JSON.
    #[error("not a well-formed token: {0}")]
    Malformed(&'static str),
    /// The `alg` of its header is not one of those configured, or is missing.
    #[error("not signed in a configured way")]
    Algorithm,
    /// The `typ` of its header is none of an access token.
    #[error("not an access token")]
    Type,
    /// Its header has `crit` or `zip`.
    #[error("the header asks for an extension")]
    Extension,
    /// No key has its `kid`, or the key is for another algorithm.
    #[error("no such key")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the signature does not verify")]
    Signature,
    /// This claim is missing, or not of its type.
    #[error("the claim {0:?} is missing or mistyped")]
    Claim(&'static str),
    /// It is another issuer's.
    #[error("issued by another issuer")]
    Issuer,
    /// It is for another resource.
    #[error("issued for another resource")]
    Audience,
    /// It is not valid any more.
    #[error("expired")]
    Expired,
    /// It is not valid yet: `nbf` or `iat` is in the future.
    #[error("not valid yet")]
    NotYet,
    /// It is bound to a key (`cnf`), which a bearer does not prove to have.
    #[error("bound to a key")]
    Bound,
    /// It is valid, and does not have a scope that is required.
    #[error("a required scope is missing")]
    Scope,
}

impl Refused {
    /// What is answered: 400, 401 or 403.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Twice => StatusCode::BAD_REQUEST,
            Self::Scope => StatusCode::FORBIDDEN,
            _ => StatusCode::UNAUTHORIZED,
        }
    }
}
