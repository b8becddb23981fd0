//! What rides beside a message's bytes.

use std::sync::Arc;

use bytes::Bytes;
use http::Extensions;

use super::{Context, JsonRpcMessage};

/// Below this size a copy costs less than what it may free.
pub(crate) const SMALL: usize = 4 << 10;

impl JsonRpcMessage {
    /// The facts that the messages of a session share.
    pub fn context(&self) -> Option<&Arc<Context>> {
        self.inner.beside.context.as_ref()
    }

    /// Sets the shared facts.
    pub fn with_context(mut self, context: Arc<Context>) -> Self {
        self.inner_mut().beside.context = Some(context);
        self
    }

    /// Facts of this one message, by type; never written to the wire.
    pub fn extensions(&self) -> &Extensions {
        &self.inner.beside.extensions
    }

    /// The same, to add to.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.inner_mut().beside.extensions
    }

    /// The same message on bytes of its own, if they are few. A frame shares the buffer that it was read into,
    /// and a small one that is kept would keep all of that.
    pub(crate) fn detach(mut self) -> Self {
        if self.inner.bytes.len() < SMALL {
            self.inner_mut().bytes = Bytes::copy_from_slice(&self.inner.bytes);
        }
        self
    }

    /// The bytes alone, by the same rule.
    #[cfg(feature = "tape")]
    pub(crate) fn detached_bytes(&self, copy: impl FnOnce(&[u8]) -> Bytes) -> Bytes {
        match self.inner.bytes.len() < SMALL {
            true => copy(&self.inner.bytes),
            false => self.inner.bytes.clone(),
        }
    }

    pub(crate) fn sequence(&self) -> u64 {
        self.inner.beside.sequence
    }
}
