//! The handle: which profile is in force.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::Components;
use crate::macros::counters;
use crate::policy::wassette::{Effective, Profile};

/// So many files are read at a time; further calls wait.
const CHECKS: usize = 2;

/// The profile in force, and what is known of the components; cheap to clone, all clones are one. See the
/// [module](super).
#[derive(Clone)]
pub struct Control(pub(super) Arc<Shared>);

pub(super) struct Shared {
    profile: Mutex<Arc<Profile>>,
    pub(super) components: Components,
    pub(super) checks: Semaphore,
    pub(super) counts: Counts,
}

/// What was decided about tools that manage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Calls that were let go.
    pub allowed: u64,
    /// Calls that were refused, and messages that could not be judged.
    pub refused: u64,
    /// Tools that were taken out of lists.
    pub hidden: u64,
    /// Lists that could not be read, and were refused.
    pub malformed: u64,
}

counters!(allowed refused hidden malformed);

pub(super) fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

impl Control {
    /// With this profile; components are learned from what passes.
    pub fn new(profile: Profile) -> Self {
        Self::with_components(profile, &Components::new())
    }

    /// The same, with components that others ask, too: the rules of a
    /// [`RulesLayer`](crate::layer::rules::RulesLayer), or of access control.
    pub fn with_components(profile: Profile, components: &Components) -> Self {
        Self(Arc::new(Shared {
            profile: Mutex::new(Arc::new(profile)),
            components: components.clone(),
            checks: Semaphore::new(CHECKS),
            counts: Counts::default(),
        }))
    }

    /// The profile in force.
    pub fn profile(&self) -> Arc<Profile> {
        self.0.profile.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another in force, at once and whole; returns the one before. A call meets the one that is in force when it
    /// comes, a list the one that is when it is answered. Clients are not told that their list has changed.
    pub fn replace(&self, profile: Profile) -> Arc<Profile> {
        let mut current = self.0.profile.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, Arc::new(profile))
    }

    /// Which tool is of which component, as far as it passed by.
    pub fn components(&self) -> &Components {
        &self.0.components
    }

    /// What a component may do, as far as it is known.
    ///
    /// ```
    /// use shadowcat::layer::components::Control;
    /// use shadowcat::policy::wassette::Profile;
    ///
    /// assert!(!Control::new(Profile::new()).effective("time").is_known);
    /// ```
    pub fn effective(&self, component: &str) -> Effective {
        let profile = self.profile();
        self.0.components.with(|map| profile.effective(map, component))
    }

    /// The same of every component that is known, by id.
    pub fn effective_of_all(&self) -> Vec<(String, Effective)> {
        let profile = self.profile();
        self.0.components.with(|map| {
            let ids = map.components().map(|component| component.id.as_str());
            ids.map(|id| (id.to_owned(), profile.effective(map, id))).collect()
        })
    }

    /// What was decided so far.
    pub fn stats(&self) -> Stats {
        self.0.counts.read()
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("profile", &self.profile())
            .field("components", &self.0.components)
            .finish_non_exhaustive()
    }
}
