use crate::wassette::{Permission, PermissionKind};

/// At most so many permissions of one component are kept.
const MAX: usize = 256;
/// A permission with more bytes of details is not kept.
const MAX_DETAILS: usize = 16 << 10;

/// What was granted to one component and not taken back, as far as it was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Permissions {
    held: Vec<Permission>,
    bytes: usize,
}

impl Permissions {
    pub(super) fn as_slice(&self) -> &[Permission] {
        &self.held
    }

    /// What they take of memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// `false` if there is no room; of the bytes that all components share, `left` are left.
    pub(super) fn grant(&mut self, permission: &Permission, left: usize) -> bool {
        if self.held.contains(permission) {
            return true;
        }
        if permission.kind == PermissionKind::Memory {
            self.revoke(permission.kind, &permission.subject);
        }
        let fits = permission.details.len() <= MAX_DETAILS && size(permission) <= left;
        let room = self.held.len() < MAX && fits;
        if room {
            self.bytes += size(permission);
            self.held.push(permission.clone());
        }
        room
    }

    /// A storage URI goes with all its ways of access, as in Wassette.
    pub(super) fn revoke(&mut self, kind: PermissionKind, subject: &str) {
        self.held.retain(|held| held.kind != kind || held.subject != subject);
        self.bytes = self.held.iter().map(size).sum();
    }
}

fn size(permission: &Permission) -> usize {
    let texts = [permission.component.as_str(), &permission.subject, &permission.details];
    size_of::<Permission>() + texts.map(str::len).iter().sum::<usize>()
}
