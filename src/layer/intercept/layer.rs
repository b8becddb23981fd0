use tower_layer::Layer;

use super::{Chain, Intercept};

/// Shows every message, in both directions, to a [`Chain`] of interceptors. See the [module](super).
#[derive(Clone, Debug)]
pub struct InterceptLayer {
    chain: Chain,
}

impl InterceptLayer {
    /// With the chain as it is and as it will be.
    pub fn new(chain: Chain) -> Self {
        Self { chain }
    }
}

impl<S> Layer<S> for InterceptLayer {
    type Service = Intercept<S>;

    fn layer(&self, inner: S) -> Intercept<S> {
        Intercept::new(inner, &self.chain)
    }
}
