use std::time::Duration;

use tower_layer::Layer;

use super::Holds;
use crate::layer::intercept::{Intercept, InterceptLayer};

/// Holds the messages that a breakpoint of its [`Holds`] meets, until someone decides. See the [module](super).
#[derive(Clone, Debug)]
pub struct HoldLayer {
    intercept: InterceptLayer,
}

impl HoldLayer {
    /// With the breakpoints that are set now and later, and progress every 15 s to clients that asked for some.
    pub fn new(holds: &Holds) -> Self {
        Self { intercept: InterceptLayer::new(holds.chain().clone()) }
    }

    /// How often a client that asked for progress on its request gets some while a message of it is held, so that
    /// it does not give up.
    pub fn progress_every(mut self, every: Duration) -> Self {
        self.intercept = self.intercept.progress_every(every);
        self
    }
}

impl<S> Layer<S> for HoldLayer {
    type Service = Intercept<S>;

    fn layer(&self, inner: S) -> Intercept<S> {
        self.intercept.layer(inner)
    }
}
