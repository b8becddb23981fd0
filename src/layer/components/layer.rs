use tower_layer::Layer;

use super::{ComponentGuard, Control};

/// Holds the tools that manage a Wassette to a profile. See the [module](super).
///
/// One is for one Wassette. The service below is cloned for a call whose file is looked at first.
#[derive(Clone, Debug)]
pub struct ComponentGuardLayer {
    control: Control,
}

impl ComponentGuardLayer {
    /// By the profile that is in force now and later.
    pub fn new(control: &Control) -> Self {
        Self { control: control.clone() }
    }
}

impl<S> Layer<S> for ComponentGuardLayer {
    type Service = ComponentGuard<S>;

    fn layer(&self, inner: S) -> ComponentGuard<S> {
        ComponentGuard { inner, control: self.control.clone() }
    }
}
