use std::fmt;

use crate::wassette::policy::Policy;
use crate::wassette::{ComponentMap, Permission};

/// What a component may do, as far as it is known: the ceiling, and of it what was seen being granted.
///
/// Wassette does not tell a component's policy: `get-policy` says where its file is, and whether there is one. What is
/// in a file that was there before is therefore not known, until `get-policy` says that there is none, or
/// `reset-permission` takes it away.
///
/// ```
/// use shadowcat::policy::wassette::Profile;
/// use shadowcat::wassette::ComponentMap;
///
/// let effective = Profile::new().effective(&ComponentMap::new(), "time");
/// assert!(!effective.is_known);
/// assert_eq!(effective.to_string(), "nothing that was seen; what else it may do is not known");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Effective {
    /// Of what was seen being granted, all that keeps to the ceiling, each grant as it was.
    pub granted: Vec<Permission>,
    /// The same as a policy. It never [exceeds](Policy::exceeds) the ceiling, apart from limits of resources that
    /// nobody set.
    pub policy: Policy,
    /// What was seen being granted beyond the ceiling, such as one that was higher then. It is in force all the same:
    /// only revoking takes it back.
    pub beyond: Vec<Permission>,
    /// Whether that is all; else the component may be able to do more.
    pub is_known: bool,
}

impl Effective {
    pub(super) fn of(ceiling: &Policy, map: &ComponentMap, component: &str) -> Self {
        let mut policy = Policy::new();
        let (mut granted, mut beyond) = (Vec::new(), Vec::new());
        for permission in map.permissions(component) {
            let keeps = ceiling.permits_grant(permission.kind, &permission.details);
            match Policy::from_grant(permission.kind, &permission.details).ok().filter(|_| keeps) {
                Some(grant) => {
                    policy.add_grant(grant);
                    granted.push(permission.clone());
                }
                None => beyond.push(permission.clone()),
            }
        }
        Self { granted, policy, beyond, is_known: map.knows_permissions(component) }
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a policy without rights exceeds by is what it grants.
        let list: Vec<String> = Policy::new().exceeds(&self.policy).iter().map(ToString::to_string).collect();
        let memory = self.policy.resources.memory_limit.as_ref().map(|limit| format!("memory up to {limit}"));
        let list: Vec<String> = list.into_iter().chain(memory).collect();
        match (list.is_empty(), self.is_known) {
            (true, true) => f.write_str("nothing")?,
            (true, false) => f.write_str("nothing that was seen")?,
            (false, _) => f.write_str(&list.join(", "))?,
        }
        match self.beyond.len() {
            0 => {}
            some => write!(f, "; {some} granted beyond the ceiling")?,
        }
        if !self.is_known {
            f.write_str("; what else it may do is not known")?;
        }
        Ok(())
    }
}
