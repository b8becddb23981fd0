//! Whose a session is.

use std::fmt;
use std::sync::Arc;

/// Who a request comes from, as whatever authenticated it says: put it into the request's extensions, in a layer
/// around the front end. A session belongs to the principal that opened it, and for any other it does not exist.
///
/// ```
/// use shadowcat::session::Principal;
///
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(Principal::new("https://issuer.example#alice"));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Principal(Arc<str>);

impl Principal {
    /// By a name that is unique among all who may call: for a token, issuer and subject together.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Principal({})", self.0)
    }
}
