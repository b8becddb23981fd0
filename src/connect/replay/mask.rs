//! What may be told of a request.

use super::essence;
use crate::message::JsonRpcMessage;
pub(super) use crate::tape::mask::{Masks, is_masked, told, unexplained};

impl Masks {
    /// What a request asks for, for people; without the address of a resource where nobody can say what of it is secret.
    pub(super) fn title(&self, message: &JsonRpcMessage) -> String {
        match self.shown(message) {
            Some(shown) => essence::title(&shown, essence::subject(&shown)),
            None => essence::title(message, essence::name(message)),
        }
    }
}
