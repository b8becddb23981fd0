use std::sync::Arc;

use tower_layer::Layer;

use super::challenge::Challenges;
use super::misconfigured::is_word;
use super::service::Shared;
use super::{Bearer, Misconfigured, Tokens};

/// Lets only requests with an accepted token pass. See the [module](super).
///
/// It belongs around the front end, outside of everything that a stranger must not reach.
#[derive(Clone, Debug)]
pub struct BearerLayer {
    tokens: Tokens,
    metadata: Option<Arc<str>>,
}

impl BearerLayer {
    /// With these tokens.
    pub fn new(tokens: Tokens) -> Self {
        Self { tokens, metadata: None }
    }

    /// Tells a client that is refused where the metadata of this resource is, by which it finds the issuer (RFC 9728).
    ///
    /// # Errors
    ///
    /// It is no address of HTTP.
    pub fn resource_metadata(mut self, address: &str) -> Result<Self, Misconfigured> {
        let is_http = address.starts_with("https://") || address.starts_with("http://");
        if !is_http || !is_word(address) {
            return Err(Misconfigured::Metadata(address.to_owned()));
        }
        self.metadata = Some(address.into());
        Ok(self)
    }
}

impl<S> Layer<S> for BearerLayer {
    type Service = Bearer<S>;

    fn layer(&self, inner: S) -> Bearer<S> {
        let challenges = Challenges::new(&self.tokens, self.metadata.as_deref());
        Bearer { inner, shared: Arc::new(Shared { tokens: self.tokens.clone(), challenges }) }
    }
}
