use tower_layer::Layer;

use super::{PinTools, Pins};

/// Compares tools with what they were when they were trusted. See the [module](super).
#[derive(Clone, Debug)]
pub struct PinToolsLayer {
    pins: Pins,
}

impl PinToolsLayer {
    /// By these pins; stacks of one server share them.
    pub fn new(pins: &Pins) -> Self {
        Self { pins: pins.clone() }
    }
}

impl<S> Layer<S> for PinToolsLayer {
    type Service = PinTools<S>;

    fn layer(&self, inner: S) -> PinTools<S> {
        PinTools { inner, pins: self.pins.clone() }
    }
}
