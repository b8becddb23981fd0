//! The handle: which policy is in force.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::Stats;
use super::stats::{Counts, add};
use crate::message::JsonRpcMessage;
use crate::policy::{Explanation, Owner, Policy, Who};
use crate::session::Party;

/// The policy in force; cheap to clone, all clones are one. See the [module](super).
#[derive(Clone)]
pub struct Access(pub(super) Arc<Shared>);

type Owners = dyn Fn(&str) -> Owner<'static> + Send + Sync;

pub(super) struct Shared {
    current: Mutex<Arc<Policy>>,
    owners: Option<Box<Owners>>,
    pub(super) counts: Counts,
}

impl Access {
    /// With this policy. The component of no tool is known: rules that deny the tools of some component deny all.
    pub fn new(policy: Policy) -> Self {
        Self::with(policy, None)
    }

    /// And with what tells the component of a tool.
    ///
    /// ```
    /// use shadowcat::layer::access::Access;
    /// use shadowcat::policy::{Owner, Policy, Rule, Target};
    /// use shadowcat::rules::Text;
    ///
    /// let no_net = Rule::deny("no-net", Target::Component(Text::exact("net")));
    /// let access = Access::with_owners(Policy::allow_by_default([no_net])?, |tool| match tool {
    ///     "fetch" => Owner::Component("net".into()),
    ///     "list-components" => Owner::Nobody,
    ///     _ => Owner::Unknown,
    /// });
    /// # let _ = access;
    /// # Ok::<(), shadowcat::policy::Invalid>(())
    /// ```
    pub fn with_owners(
        policy: Policy,
        owners: impl Fn(&str) -> Owner<'static> + Send + Sync + 'static,
    ) -> Self {
        Self::with(policy, Some(Box::new(owners)))
    }

    fn with(policy: Policy, owners: Option<Box<Owners>>) -> Self {
        let (current, counts) = (Mutex::new(Arc::new(policy)), Counts::default());
        Self(Arc::new(Shared { current, owners, counts }))
    }

    /// The policy that is in force.
    pub fn current(&self) -> Arc<Policy> {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another policy in force, at once and whole; returns the one before. Each message is judged by the one that
    /// is in force when it comes: a list by that of its reply, not of its request.
    ///
    /// Clients that hold a list are not told that it changed.
    pub fn replace(&self, policy: Policy) -> Arc<Policy> {
        let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *current, Arc::new(policy));
        drop(current);
        add(&self.0.counts.replaced);
        before
    }

    /// What becomes of a request or a notification that carries what layers know of it, and why.
    pub fn explain(&self, message: &JsonRpcMessage) -> Explanation {
        let who = Who::of(&Party::of(message, None));
        self.current().explain_with(message, &who, &|tool| self.owner_of(tool))
    }

    /// What was done.
    pub fn stats(&self) -> Stats {
        self.0.counts.read()
    }

    /// Nothing tells: that is unknown, not none.
    pub(super) fn owner_of(&self, tool: &str) -> Owner<'static> {
        self.0.owners.as_ref().map_or(Owner::Unknown, |owners| owners(tool))
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("current", &self.current()).finish_non_exhaustive()
    }
}
