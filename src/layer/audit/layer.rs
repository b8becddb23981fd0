use tower_layer::Layer;

use super::Audit;
use crate::audit::Writer;

/// Writes what passes into a log. See the [module](super).
#[derive(Clone, Debug)]
pub struct AuditLayer {
    log: Writer,
}

impl AuditLayer {
    /// Into this log.
    pub fn new(log: Writer) -> Self {
        Self { log }
    }
}

impl<S> Layer<S> for AuditLayer {
    type Service = Audit<S>;

    fn layer(&self, inner: S) -> Audit<S> {
        Audit { inner, log: self.log.clone() }
    }
}
