//! What a decision is bound to.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::layer::intercept::Interception;
use crate::message::{Direction, JsonRpcMessage, Kind, Pointer};
use crate::protocol::method;
use crate::session::Principal;

/// What was decided about: SHA-256 over session, principal, direction, kind, method, tool, and the exact bytes of the
/// arguments (of a `tools/call`), parameters, result or error; of a response, those of its request, too.
///
/// Ids and `_meta` of a `tools/call` are not in it: the same call made again has the same digest. What was approved is
/// named by [`Held::number`](super::Held::number) as well, which no other has.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    pub(super) fn of(seen: &Interception, principal: Option<&Principal>) -> Self {
        let message = seen.message();
        let tool = seen.tool().ok().flatten();
        let (direction, kind) = (seen.direction() == Direction::ToUpstream, message.kind());
        let mut hash = Sha256::new();
        let fields = [
            seen.session_id().map(str::as_bytes),
            principal.map(|principal| principal.as_str().as_bytes()),
            Some(if direction { b"to upstream" } else { &b"to client"[..] }),
            Some(kind_name(kind)),
            seen.method().map(str::as_bytes),
            tool.as_deref().map(str::as_bytes),
            what(message),
            (kind == Kind::Response).then(|| what(seen.request()?)).flatten(),
        ];
        for field in fields {
            // What is missing and what is empty differ, and no field runs into the next.
            let length = field.map_or(u64::MAX, |field| field.len() as u64);
            hash.update(length.to_be_bytes());
            hash.update(field.unwrap_or_default());
        }
        Self(hash.finalize().into())
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

fn kind_name(kind: Kind) -> &'static [u8] {
    match kind {
        Kind::Request => b"request",
        Kind::Notification => b"notification",
        Kind::Response => b"response",
    }
}

fn what(message: &JsonRpcMessage) -> Option<&[u8]> {
    if message.is_method(method::TOOLS_CALL) {
        // The scanner refuses a key that stands twice; a transparent one is bound as a whole.
        let arguments = Pointer::root().join("params").join("arguments").find(message.bytes());
        return arguments.unwrap_or(message.params());
    }
    message.params().or(message.result()).or(message.error())
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}
