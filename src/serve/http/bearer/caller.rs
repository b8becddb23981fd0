//! What a token says about whoever sent it.

use std::sync::Arc;

use crate::session::Principal;

/// What an accepted token says: an extension of the request, and with it of
/// [`SessionInfo::extensions`](crate::serve::http::SessionInfo::extensions).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caller {
    /// Who issued the token: the issuer that is configured.
    pub issuer: Arc<str>,
    /// Whom the token speaks for, unique at its issuer; never empty.
    pub subject: Arc<str>,
    /// The client that the token was issued to, where it says so.
    pub client: Option<Arc<str>>,
    /// What the token allows, in its own order.
    pub scopes: Arc<[String]>,
    /// When the token expires, in seconds since 1970.
    pub expires: u64,
}

impl Caller {
    /// `{issuer}#{subject}`: an issuer holds no `#`, so that no two callers share a name.
    pub fn principal(&self) -> Principal {
        Principal::new(&format!("{}#{}", self.issuer, self.subject))
    }

    /// Whether the token allows `scope`, exactly.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|has| has == scope)
    }
}
