use crate::wassette::{Permission, PermissionKind};

/// At most so many permissions of one component are kept.
pub(super) const MAX: usize = 256;
/// A permission with more bytes of details is not kept.
const MAX_DETAILS: usize = 16 << 10;

/// What was granted to one component and not taken back, as far as it was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Permissions(Vec<Permission>);

impl Permissions {
    pub(super) fn as_slice(&self) -> &[Permission] {
        &self.0
    }

    /// `false` if there is no room.
    pub(super) fn grant(&mut self, permission: Permission) -> bool {
        if self.0.contains(&permission) {
            return true;
        }
        let room = self.0.len() < MAX && permission.details.len() <= MAX_DETAILS;
        if room {
            self.0.push(permission);
        }
        room
    }

    /// A storage URI goes with all its ways of access, as in Wassette.
    pub(super) fn revoke(&mut self, kind: PermissionKind, subject: &str) {
        self.0.retain(|held| held.kind != kind || held.subject != subject);
    }
}
