use tower_layer::Layer;

use super::service::Trace;

/// Writes spans and events for what passes.
///
/// It belongs outermost, below [`CatchErrorLayer`](crate::layer::CatchErrorLayer) to see what failed, above it
/// to see what the client is told.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct TraceLayer;

impl TraceLayer {
    /// Filtering is the subscriber's.
    pub fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Trace<S> {
        Trace { inner }
    }
}
