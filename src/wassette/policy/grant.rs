//! One grant after the other.

use super::Policy;

impl Policy {
    /// With what one grant gives: of memory, the last says how much.
    pub(crate) fn add_grant(&mut self, grant: Self) {
        self.storage.allow.extend(grant.storage.allow);
        self.network.allow.extend(grant.network.allow);
        self.environment.extend(grant.environment);
        if grant.resources.memory_limit.is_some() {
            self.resources.memory_limit = grant.resources.memory_limit;
        }
    }
}
