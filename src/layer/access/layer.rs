use tower_layer::Layer;

use super::handle::Access;
use super::service::AccessControl;

/// Refuses what the [`Access`]'s policy denies, and leaves it out of lists. See the [module](super).
///
/// The service below is cloned where the server has to be answered in the client's place.
#[derive(Clone, Debug)]
pub struct AccessControlLayer {
    access: Access,
}

impl AccessControlLayer {
    /// By the policy that is in force now and later.
    pub fn new(access: &Access) -> Self {
        Self { access: access.clone() }
    }
}

impl<S> Layer<S> for AccessControlLayer {
    type Service = AccessControl<S>;

    fn layer(&self, inner: S) -> AccessControl<S> {
        AccessControl::new(inner, self.access.clone())
    }
}
