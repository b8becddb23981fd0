//! What a component was granted, as a policy.

use crate::wassette::Permission;
use crate::wassette::policy::Policy;

/// The text of the policy that grants all of it; `is_all` if it may do nothing else.
pub(super) fn of(granted: &[Permission], mut is_all: bool) -> String {
    let mut policy = Policy::new();
    for permission in granted {
        match Policy::from_grant(permission.kind, &permission.details) {
            Ok(one) => add(&mut policy, one),
            // It may be masked.
            Err(_) => is_all = false,
        }
    }
    if !is_all {
        policy.description = Some("what was granted while it was recorded; there may be more".to_owned());
    }
    policy.to_json()
}

fn add(policy: &mut Policy, granted: Policy) {
    policy.storage.allow.extend(granted.storage.allow);
    policy.network.allow.extend(granted.network.allow);
    policy.environment.extend(granted.environment);
    if granted.resources.memory_limit.is_some() {
        policy.resources.memory_limit = granted.resources.memory_limit;
    }
}
