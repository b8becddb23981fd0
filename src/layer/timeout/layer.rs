use std::sync::Arc;
use std::time::Duration;

use tower_layer::Layer;

use super::service::{Shared, Timeout};

/// Answers a request that takes too long with a JSON-RPC error, and cancels it below.
///
/// It belongs near the leaf, inside [`OnRequestsLayer`](crate::layer::OnRequestsLayer) below a limit: what waits
/// above it does not count. `Duration::MAX` is no limit.
///
/// # Panics
///
/// A call panics outside a tokio runtime with time enabled.
#[derive(Clone, Copy, Debug)]
pub struct TimeoutLayer {
    pub(super) first: Duration,
    pub(super) idle: Duration,
    pub(super) whole: Duration,
}

impl Default for TimeoutLayer {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            whole: Duration::from_secs(600),
        }
    }
}

impl TimeoutLayer {
    /// 60 s to the first message, 60 s between messages, 10 min for the whole reply.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long the first message of a reply may take.
    pub fn first(mut self, limit: Duration) -> Self {
        self.first = limit;
        self
    }

    /// How long a reply that has begun may be silent; every message, progress too, starts it anew.
    pub fn idle(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// How long the whole reply may take, whatever the progress.
    pub fn whole(mut self, limit: Duration) -> Self {
        self.whole = limit;
        self
    }
}

impl<S> Layer<S> for TimeoutLayer {
    type Service = Timeout<S>;

    fn layer(&self, inner: S) -> Timeout<S> {
        let shared = Shared { limits: *self, clock: Arc::default() };
        Timeout { inner, shared: Arc::new(shared) }
    }
}
