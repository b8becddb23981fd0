use tower_layer::Layer;

use super::{Debug, Debugger};

/// Shows what passes to a [`Debugger`]. See the [module](super).
#[derive(Clone, Debug)]
pub struct DebugLayer {
    debugger: Debugger,
}

impl DebugLayer {
    /// For this debugger; several stacks may share it.
    pub fn new(debugger: &Debugger) -> Self {
        Self { debugger: debugger.clone() }
    }
}

impl<S> Layer<S> for DebugLayer {
    type Service = Debug<S>;

    fn layer(&self, inner: S) -> Debug<S> {
        Debug { inner, debugger: self.debugger.clone() }
    }
}
