use tower_layer::Layer;

use super::{Quota, Quotas};

/// Refuses requests that are too many. See the [module](super).
#[derive(Clone, Debug)]
pub struct QuotaLayer {
    quotas: Quotas,
}

impl QuotaLayer {
    /// By these limits; stacks that are given the same handle count together.
    pub fn new(quotas: &Quotas) -> Self {
        Self { quotas: quotas.clone() }
    }
}

impl<S> Layer<S> for QuotaLayer {
    type Service = Quota<S>;

    fn layer(&self, inner: S) -> Quota<S> {
        Quota { inner, quotas: self.quotas.clone() }
    }
}
