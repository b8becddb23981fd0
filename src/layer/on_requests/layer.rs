use std::sync::Arc;

use tower_layer::Layer;

use super::gate::Gate;
use super::service::OnRequests;

/// Puts a tower layer on requests only.
///
/// Several layers go in as one `ServiceBuilder::new().timeout(t).concurrency_limit(64).into_inner()`.
///
/// # Backpressure
///
/// `poll_ready` speaks for the direct way only. Requests that find no room wait in order, at most 1,024 of
/// them ([`max_waiting`](Self::max_waiting)) and 8 MiB; beyond, a request is refused with a JSON-RPC error. A waiting
/// call can be cancelled, and the next one moves up.
#[derive(Clone, Debug)]
pub struct OnRequestsLayer<L> {
    layer: L,
    max_waiting: usize,
}

impl<L> OnRequestsLayer<L> {
    /// Sends requests through `layer`.
    pub fn new(layer: L) -> Self {
        Self { layer, max_waiting: 1024 }
    }

    /// Requests that may wait for room.
    pub fn max_waiting(mut self, requests: usize) -> Self {
        self.max_waiting = requests;
        self
    }
}

impl<L, S> Layer<S> for OnRequestsLayer<L>
where
    L: Layer<S>,
    S: Clone,
{
    type Service = OnRequests<S, L::Service>;

    fn layer(&self, inner: S) -> Self::Service {
        let limited = self.layer.layer(inner.clone());
        OnRequests { inner, gate: Arc::new(Gate::new(limited, self.max_waiting)) }
    }
}
