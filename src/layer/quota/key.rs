//! For whom is counted.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};

use crate::message::{JsonRpcMessage, fold};
use crate::protocol::{method, peek};
use crate::session::Party;

/// What a limit counts apart; all that is named here together makes one key.
///
/// What a message does not tell is one key of its own: all who are not authenticated share the one of nobody. The name
/// that a client gives itself is none of these, because it is free to give another.
///
/// ```
/// use shadowcat::layer::quota::Per;
///
/// let everyone_together = Per::new();
/// let each_tool_of_each_principal = Per::new().principal().tool();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Per {
    principal: bool,
    session: bool,
    server: bool,
    tool: bool,
    method: bool,
}

impl Per {
    /// All requests together.
    pub fn new() -> Self {
        Self::default()
    }

    /// By who was authenticated.
    pub fn principal(mut self) -> Self {
        self.principal = true;
        self
    }

    /// By session. A client may open another: limit those, too, or count by principal.
    pub fn session(mut self) -> Self {
        self.session = true;
        self
    }

    /// By server, as the application calls it.
    pub fn server(mut self) -> Self {
        self.server = true;
        self
    }

    /// By tool; names that a lax server may take for one are one. Of requests, only calls of tools are counted then.
    pub fn tool(mut self) -> Self {
        self.tool = true;
        self
    }

    /// By method.
    pub fn method(mut self) -> Self {
        self.method = true;
        self
    }
}

/// What a key is told from others by, hashed: parts of it are as long as a client likes. Two would have to agree in 128
/// bits that nobody can foresee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u64, u64);

#[derive(Debug, Default)]
pub(super) struct Keys(RandomState, RandomState);

impl Keys {
    /// The key of a request; `None` if it is not counted by such.
    pub(super) fn of(&self, per: Per, request: &JsonRpcMessage) -> Option<Key> {
        if per.tool && !request.is_method(method::TOOLS_CALL) {
            return None;
        }
        let party = Party::of(request, None);
        let tool = per.tool.then(|| peek::tool_name(request).ok().flatten()).flatten();
        let parts = [
            per.principal.then(|| party.principal()).flatten(),
            per.session.then(|| party.session_id()).flatten(),
            per.server.then(|| party.upstream()).flatten(),
            per.method.then(|| request.method()).flatten(),
        ];
        let whole = (parts, tool.as_deref().map(as_read));
        Some(Key(self.0.hash_one(&whole), self.1.hash_one(&whole)))
    }
}

/// A name as a server may read it that does not mind case and the like.
pub(super) fn as_read(name: &str) -> Cow<'_, str> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase());
    if is_plain { Cow::Borrowed(name) } else { Cow::Owned(fold(name)) }
}
