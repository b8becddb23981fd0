//! What a refused client is told (RFC 6750 section 3, RFC 9728 section 5.1).

use http::HeaderValue;

use super::{Refused, Tokens};

/// The values of `WWW-Authenticate`, ready made.
#[derive(Clone, Debug)]
pub(super) struct Challenges {
    missing: HeaderValue,
    request: HeaderValue,
    token: HeaderValue,
    scope: HeaderValue,
}

impl Challenges {
    pub(super) fn new(tokens: &Tokens, metadata: Option<&str>) -> Self {
        let scopes = tokens.scopes.join(" ");
        let of = |error| challenge(error, &scopes, metadata);
        Self {
            missing: of(None), // a client that sent no token made no error
            request: of(Some("invalid_request")),
            token: of(Some("invalid_token")),
            scope: of(Some("insufficient_scope")),
        }
    }

    pub(super) fn of(&self, refused: Refused) -> &HeaderValue {
        match refused {
            Refused::Missing => &self.missing,
            Refused::Twice => &self.request,
            Refused::Scope => &self.scope,
            _ => &self.token,
        }
    }
}

/// The values were checked when they were configured: none needs an escape.
fn challenge(error: Option<&str>, scopes: &str, metadata: Option<&str>) -> HeaderValue {
    let scope = (!scopes.is_empty()).then_some(scopes);
    let all = [("error", error), ("scope", scope), ("resource_metadata", metadata)];
    let told = all.iter().filter_map(|(name, value)| Some(format!("{name}=\"{}\"", (*value)?)));
    let told = told.collect::<Vec<_>>().join(", ");
    let separator = if told.is_empty() { "" } else { " " };
    let fallback = |_| HeaderValue::from_static("Bearer");
    HeaderValue::try_from(format!("Bearer{separator}{told}")).unwrap_or_else(fallback)
}
