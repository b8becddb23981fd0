use std::time::Duration;

use tower_layer::Layer;

use super::{Chain, Intercept};

/// Shows every message, in both directions, to a [`Chain`] of interceptors. See the [module](super).
#[derive(Clone, Debug)]
pub struct InterceptLayer {
    chain: Chain,
    progress: Option<Duration>,
}

impl InterceptLayer {
    /// With the chain as it is and as it will be, and progress every 15 s.
    pub fn new(chain: Chain) -> Self {
        Self { chain, progress: Some(Duration::from_secs(15)) }
    }

    /// How often a client that asked for progress on its request gets some of ours while a message of it waits for
    /// the chain, so that it does not give up.
    pub fn progress_every(mut self, every: Duration) -> Self {
        self.progress = Some(every.max(Duration::from_millis(100)));
        self
    }

    /// No progress of ours.
    pub fn without_progress(mut self) -> Self {
        self.progress = None;
        self
    }
}

impl<S> Layer<S> for InterceptLayer {
    type Service = Intercept<S>;

    fn layer(&self, inner: S) -> Intercept<S> {
        Intercept::new(inner, &self.chain, self.progress)
    }
}
