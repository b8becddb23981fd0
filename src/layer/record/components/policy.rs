//! What a component was granted, as a policy.

use crate::wassette::Permission;
use crate::wassette::policy::Policy;

/// The text of the policy that grants all of it; `is_all` if it may do nothing else.
pub(super) fn of(granted: &[Permission], mut is_all: bool) -> String {
    let mut policy = Policy::new();
    for permission in granted {
        match Policy::from_grant(permission.kind, &permission.details) {
            Ok(one) => policy.add_grant(one),
            // It may be masked.
            Err(_) => is_all = false,
        }
    }
    if !is_all {
        policy.description = Some("what was granted while it was recorded; there may be more".to_owned());
    }
    policy.to_json()
}
