//! Which tool is of which component, as it passes by.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::sent::Sent;
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
pub struct Components(Arc<Mutex<Learned>>);

#[derive(Default)]
pub(super) struct Learned {
    map: ComponentMap,
    /// Loads and unloads that are on their way.
    changing: usize,
}

impl Components {
    /// None are known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The only component with a tool of this name.
    pub fn owner(&self, tool: &str) -> Option<String> {
        self.lock().map.owner(tool).ok().flatten().map(|id| id.as_str().to_owned())
    }

    /// Whose tool it is, for the rules of a policy: [`Access::with_owners`](crate::layer::access::Access::with_owners).
    ///
    /// Wassette's own tools are nobody's; a component may have those that
    /// [not every version](ManagementTool::is_in_every_version) has. A tool of which it cannot be said for certain is
    /// unknown, which a rule about some component then denies: one that several components have, one that was never
    /// seen, and any, while a component is loaded or unloaded, and as long as something changed that only
    /// `list-components` tells.
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
        let own = ManagementTool::from_name(tool);
        if own.is_some_and(ManagementTool::is_in_every_version) {
            return Owner::Nobody;
        }
        let learned = self.lock();
        let map = &learned.map;
        if learned.changing > 0 || map.is_stale() || map.is_truncated() {
            return Owner::Unknown;
        }
        match map.owner(tool) {
            Ok(Some(id)) => Owner::Component(id.as_str().to_owned().into()),
            Ok(None) if own.is_some() => Owner::Nobody,
            _ => Owner::Unknown,
        }
    }

    /// What is known now.
    pub fn map(&self) -> ComponentMap {
        self.lock().map.clone()
    }

    /// What is asked now is answered by what was known so far.
    pub(super) fn generation(&self) -> u64 {
        self.lock().map.generation()
    }

    /// Of a request that was sent at this generation. Whether it is known now how the call ended; an error may come
    /// from between, while the call goes on.
    pub(super) fn answered(&self, sent: u64, request: &JsonRpcMessage, response: &JsonRpcMessage) -> bool {
        match self.lock().map.observe_since(sent, request, response) {
            Ok(_) => response.error().is_none(),
            Err(error) => {
                tracing::debug!(%error, "a component's change is not understood");
                false
            }
        }
    }

    pub(super) fn told(&self, notification: &JsonRpcMessage) {
        self.lock().map.observe_notification(notification);
    }

    /// A load or an unload is on its way.
    pub(super) fn begins(&self) {
        self.lock().changing += 1;
    }

    /// It is not any more; if it is not known how it ended, only a list can tell what there is.
    pub(super) fn ended(&self, is_known: bool) {
        let mut learned = self.lock();
        learned.changing -= 1;
        if !is_known {
            learned.map.doubt();
        }
    }

    pub(super) fn with<T>(&self, ask: impl FnOnce(&ComponentMap) -> T) -> T {
        ask(&self.lock().map)
    }

    fn lock(&self) -> MutexGuard<'_, Learned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interceptor for Components {
    fn interest(&self) -> Interest {
        Interest::everything().method(method::TOOLS_CALL).method(method::TOOLS_LIST_CHANGED)
    }

    fn wants(&self, direction: Direction, kind: Kind, method: Option<&str>) -> bool {
        match direction {
            Direction::ToUpstream => kind == Kind::Request && method == Some(method::TOOLS_CALL),
            Direction::ToClient => kind == Kind::Response || method == Some(method::TOOLS_LIST_CHANGED),
        }
    }

    async fn intercept(&self, seen: &mut Interception) -> Result<Action, BoxError> {
        match (seen.direction(), seen.message().kind(), seen.request()) {
            (Direction::ToUpstream, Kind::Request, Some(request)) => {
                let sent = Sent::new(self, request);
                seen.metadata_mut().insert(sent);
            }
            (Direction::ToClient, Kind::Notification, _) => self.told(seen.message()),
            (Direction::ToClient, Kind::Response, Some(request)) => match seen.metadata().get::<Sent>() {
                Some(sent) => sent.answered(self, request, seen.message()),
                // A list that was asked for at no known time may be older than the last change.
                None => drop(self.answered(u64::MAX, request, seen.message())),
            },
            _ => {}
        }
        Ok(Action::Continue)
    }
}

impl fmt::Debug for Components {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.lock().map.components().count();
        f.debug_struct("Components").field("known", &count).finish_non_exhaustive()
    }
}
