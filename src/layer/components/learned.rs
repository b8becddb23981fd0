//! Which tool is of which component, as it passes by.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::BoxError;
use crate::layer::intercept::{Action, Interception, Interceptor, Interest};
use crate::message::{Direction, JsonRpcMessage, Kind};
use crate::policy::Owner;
use crate::protocol::method;
use crate::wassette::{ComponentMap, ManagementTool};

/// The components of a Wassette, learned from what passes by; cheap to clone, all clones are one.
///
/// A [`ComponentGuardLayer`](super::ComponentGuardLayer) keeps them up to date. They are also an interceptor that
/// changes nothing, for a [`Chain`](crate::layer::intercept::Chain). One is for one Wassette: sessions that have a Wassette each have a stack
/// each, with rules and components of its own.
///
/// ```
/// use shadowcat::layer::intercept::Chain;
/// use shadowcat::layer::components::Components;
///
/// let components = Components::new();
/// Chain::new().add("components", components.clone())?;
/// assert_eq!(components.owner("fetch"), None);
/// # Ok::<(), shadowcat::layer::intercept::NameTaken>(())
/// ```
#[derive(Clone, Default)]
pub struct Components(Arc<Mutex<ComponentMap>>);

impl Components {
    /// None are known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The only component with a tool of this name.
    pub fn owner(&self, tool: &str) -> Option<String> {
        self.lock().owner(tool).ok().flatten().map(|id| id.as_str().to_owned())
    }

    /// Whose tool it is, for the rules of a policy: [`Access::with_owners`](crate::layer::access::Access::with_owners).
    ///
    /// Wassette's own tools are nobody's. A tool of which it cannot be said for certain is unknown, which a rule about
    /// some component then denies: one that several components have, one that was never seen, and any, as long as
    /// something changed that only `list-components` tells.
    ///
    /// ```
    /// use shadowcat::layer::components::Components;
    /// use shadowcat::policy::Owner;
    ///
    /// let components = Components::new();
    /// assert_eq!(components.owner_of("list-components"), Owner::Nobody);
    /// assert_eq!(components.owner_of("fetch"), Owner::Unknown);
    /// ```
    pub fn owner_of(&self, tool: &str) -> Owner<'static> {
        if ManagementTool::from_name(tool).is_some() {
            return Owner::Nobody;
        }
        let map = self.lock();
        match map.owner(tool) {
            Ok(Some(id)) if !map.is_stale() && !map.is_truncated() => {
                Owner::Component(id.as_str().to_owned().into())
            }
            _ => Owner::Unknown,
        }
    }

    /// What is known now.
    pub fn map(&self) -> ComponentMap {
        self.lock().clone()
    }

    /// What is asked now is answered by what was known so far.
    pub(super) fn generation(&self) -> u64 {
        self.lock().generation()
    }

    /// Of a request that was sent at this generation.
    pub(super) fn answered(&self, sent: u64, request: &JsonRpcMessage, response: &JsonRpcMessage) {
        if let Err(error) = self.lock().observe_since(sent, request, response) {
            tracing::debug!(%error, "a component's change is not understood");
        }
    }

    pub(super) fn told(&self, notification: &JsonRpcMessage) {
        self.lock().observe_notification(notification);
    }

    pub(super) fn with<T>(&self, ask: impl FnOnce(&ComponentMap) -> T) -> T {
        ask(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, ComponentMap> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interceptor for Components {
    fn interest(&self) -> Interest {
        let answers = Interest::everything().direction(Direction::ToClient);
        answers.method(method::TOOLS_CALL).method(method::TOOLS_LIST_CHANGED)
    }

    fn wants(&self, _: Direction, kind: Kind, method: Option<&str>) -> bool {
        kind == Kind::Response || method == Some(method::TOOLS_LIST_CHANGED)
    }

    async fn intercept(&self, seen: &mut Interception) -> Result<Action, BoxError> {
        match (seen.message().kind(), seen.request()) {
            (Kind::Notification, _) => self.told(seen.message()),
            (_, Some(request)) => self.answered(self.generation(), request, seen.message()),
            _ => {}
        }
        Ok(Action::Continue)
    }
}

impl fmt::Debug for Components {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.lock().components().count();
        f.debug_struct("Components").field("known", &count).finish_non_exhaustive()
    }
}
