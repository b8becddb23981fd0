//! The keys of a tape.

use crate::key::Key;

/// What a tape is encrypted with, and bound by.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    #[cfg(feature = "encryption")]
    pub(super) seal: Option<Key>,
    pub(super) chain: Option<Key>,
}

impl Keys {
    #[cfg(feature = "encryption")]
    pub(super) fn seal(&self) -> Option<&Key> {
        self.seal.as_ref()
    }

    #[cfg(not(feature = "encryption"))]
    #[allow(clippy::unused_self, reason = "with encryption there may be one")]
    pub(super) fn seal(&self) -> Option<&Key> {
        None
    }

    /// To read what was written with them: whether it is bound is seen by who asks for it.
    pub(super) fn without_chain(&self) -> Self {
        let mut keys = self.clone();
        keys.chain = None;
        keys
    }

    pub(super) fn is_none(&self) -> bool {
        self.seal().is_none() && self.chain.is_none()
    }
}
