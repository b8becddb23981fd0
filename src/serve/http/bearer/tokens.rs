//! Which tokens are accepted.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::misconfigured::{is_identifier, is_word};
use super::{Algorithm, Caller, Keyring, Misconfigured, Refused, claims, token};

/// The most by which clocks may differ.
const MAX_LEEWAY: Duration = Duration::from_secs(300);

/// Which tokens are accepted: of one issuer, for one resource. See the [module](super).
#[derive(Clone)]
pub struct Tokens {
    pub(super) issuer: Arc<str>,
    pub(super) resource: Arc<str>,
    pub(super) scopes: Arc<[String]>,
    pub(super) leeway: Duration,
    keys: Keyring,
    algorithms: Arc<[Algorithm]>,
    only_access: bool,
    now: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

impl Tokens {
    /// Those that `issuer` signed by RS256 with one of these keys, for `resource`: the address of the server as its
    /// clients know it, which is their `resource` when they ask for a token (RFC 8707). Both are compared exactly.
    /// No scope is required, and the clocks may differ by 30 s.
    ///
    /// # Errors
    ///
    /// Issuer or resource is empty, or holds `#`, space or controls.
    pub fn new(issuer: &str, resource: &str, keys: &Keyring) -> Result<Self, Misconfigured> {
        if !is_identifier(issuer) {
            return Err(Misconfigured::Issuer(issuer.to_owned()));
        }
        if !is_identifier(resource) {
            return Err(Misconfigured::Resource(resource.to_owned()));
        }
        Ok(Self {
            issuer: issuer.into(),
            resource: resource.into(),
            scopes: Arc::default(),
            leeway: Duration::from_secs(30),
            keys: keys.clone(),
            algorithms: [Algorithm::Rs256].into(),
            only_access: false,
            now: Arc::new(SystemTime::now),
        })
    }

    /// The scopes that a token must have, every one of them.
    ///
    /// # Errors
    ///
    /// One of them is no scope.
    pub fn scopes<T: Into<String>>(
        mut self,
        scopes: impl IntoIterator<Item = T>,
    ) -> Result<Self, Misconfigured> {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        match self.scopes.iter().find(|scope| !is_word(scope)) {
            Some(scope) => Err(Misconfigured::Scope(scope.clone())),
            None => Ok(self),
        }
    }

    /// The ways in which a token may be signed, instead of RS256; without any, no token is accepted.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// By how much clocks may differ, in whole seconds and at most 5 min.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway.min(MAX_LEEWAY);
        self
    }

    /// Only tokens that call themselves access tokens: `typ` is `at+jwt` (RFC 9068). Without this, `JWT` and no type
    /// are taken, too: many issuers know no better.
    pub fn only_access_tokens(mut self) -> Self {
        self.only_access = true;
        self
    }

    /// What time it is, instead of the system's clock. A time before 1970 accepts no token.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.now = Arc::new(now);
        self
    }

    /// What a token says, if it is accepted; the front end needs no call of this, [`BearerLayer`](super::BearerLayer)
    /// does it.
    ///
    /// ```
    /// use shadowcat::serve::http::bearer::{Keyring, Keys, Refused, Tokens};
    ///
    /// let keyring = Keyring::new(Keys::default());
    /// let tokens = Tokens::new("https://as.example", "https://mcp.example/mcp", &keyring)?;
    /// // {"alg":"RS256","kid":"k"} and {}
    /// assert_eq!(tokens.check("eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30.AAAA"), Err(Refused::UnknownKey));
    /// # Ok::<(), shadowcat::serve::http::bearer::Misconfigured>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Why it is not accepted.
    pub fn check(&self, token: &str) -> Result<Caller, Refused> {
        let signed = token::verified(token, &self.algorithms, self.only_access, &self.keys.current())?;
        let now = (self.now)().duration_since(SystemTime::UNIX_EPOCH).map_err(|_| Refused::NotYet)?;
        claims::check(&signed, self, now.as_secs())
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("issuer", &self.issuer)
            .field("resource", &self.resource)
            .field("scopes", &self.scopes)
            .field("leeway", &self.leeway)
            .field("keys", &self.keys)
            .field("algorithms", &self.algorithms)
            .field("only_access", &self.only_access)
            .finish_non_exhaustive()
    }
}
