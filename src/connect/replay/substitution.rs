//! What is put in the place of something recorded.

use std::fmt;
use std::sync::Arc;

use crate::message::{JsonRpcMessage, Pointer};

type With = Arc<dyn Fn(&JsonRpcMessage) -> Option<String> + Send + Sync>;

/// What is put in the place of something recorded.
#[derive(Clone)]
pub(super) struct Substitution {
    place: Pointer,
    with: With,
}

impl Substitution {
    pub(super) fn new(
        place: Pointer,
        with: impl Fn(&JsonRpcMessage) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self { place, with: Arc::new(with) }
    }

    pub(super) fn apply(&self, message: JsonRpcMessage, request: &JsonRpcMessage) -> JsonRpcMessage {
        if !matches!(self.place.find(message.bytes()), Ok(Some(_))) {
            return message;
        }
        let Some(json) = (self.with)(request) else { return message };
        message.clone().edit().set(&self.place, json).finish().unwrap_or(message)
    }
}

impl fmt::Debug for Substitution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Substitution").field("place", &self.place).finish_non_exhaustive()
    }
}
