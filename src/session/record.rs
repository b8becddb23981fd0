//! What is known of one session.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::time::Instant;

use super::{Principal, SessionId, SessionKey};
use crate::message::JsonRpcMessage;
#[cfg(feature = "http")]
use crate::protocol::Declared;
use crate::protocol::{ProtocolVersion, peek};

/// Bytes of what either side said of itself; more are not kept, because sessions are many.
const MAX_KEPT: usize = 4 << 10;

/// One session: whose it is, what was agreed on, when it was used last.
///
/// A front end puts it, as an `Arc<Session>`, into the shared facts of every message of the session:
/// [`Context::shared`](crate::Context::shared).
pub struct Session {
    key: SessionKey,
    principal: Option<Principal>,
    opened: Instant,
    usage: Mutex<Usage>,
    upstream: OnceLock<SessionId>,
    asked: OnceLock<Asked>,
    agreed: OnceLock<Agreed>,
}

struct Usage {
    uses: usize,
    last: Instant,
}

/// What the client said in `initialize`, raw.
struct Asked {
    info: Option<Bytes>,
    capabilities: Option<Bytes>,
    #[cfg(feature = "http")]
    declared: Declared,
}

/// What the server answered.
struct Agreed {
    version: Option<ProtocolVersion>,
    capabilities: Option<Bytes>,
}

impl Session {
    /// A session that begins now.
    pub fn new(key: SessionKey, principal: Option<Principal>) -> Self {
        let now = Instant::now();
        Self {
            key,
            principal,
            opened: now,
            usage: Mutex::new(Usage { uses: 0, last: now }),
            upstream: OnceLock::new(),
            asked: OnceLock::new(),
            agreed: OnceLock::new(),
        }
    }

    /// What it is found by, and called in logs.
    pub fn key(&self) -> &SessionKey {
        &self.key
    }

    /// Who opened it, if that is known.
    pub fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// Whether a request of this principal may use it: only of the one that opened it.
    pub fn is_of(&self, principal: Option<&Principal>) -> bool {
        self.principal.as_ref() == principal
    }

    /// When it began.
    pub fn opened(&self) -> Instant {
        self.opened
    }

    /// Since when nothing of it is in flight and no stream open; `None` while something is.
    pub fn idle_since(&self) -> Option<Instant> {
        let usage = self.usage();
        (usage.uses == 0).then_some(usage.last)
    }

    /// It is in use until this is dropped.
    pub fn enter(self: &Arc<Self>) -> InUse {
        self.usage().uses += 1;
        InUse { session: self.clone() }
    }

    /// The id that the server gave us, where it gave one: ours is never shown to it, nor its own to the client.
    pub fn upstream_id(&self) -> Option<&SessionId> {
        self.upstream.get()
    }

    /// Notes the server's id. False where there is one already, which stays.
    pub fn set_upstream_id(&self, id: SessionId) -> bool {
        self.upstream.set(id).is_ok()
    }

    /// Notes what an `initialize` asks for; the first counts.
    pub fn asked(&self, initialize: &JsonRpcMessage) {
        let params = initialize.params();
        let (info, capabilities) = (copy(params, "clientInfo"), copy(params, "capabilities"));
        let asked = Asked {
            info,
            capabilities,
            #[cfg(feature = "http")]
            declared: Declared::by(initialize),
        };
        let _ = self.asked.set(asked);
    }

    /// Notes what the server answered to it; the first counts.
    pub fn agreed(&self, answer: &JsonRpcMessage) {
        let version = peek::agreed_version(answer);
        let _ = self.agreed.set(Agreed { version, capabilities: copy(answer.result(), "capabilities") });
    }

    /// The revision that was agreed on, if it is a known one.
    pub fn version(&self) -> Option<ProtocolVersion> {
        self.agreed.get()?.version
    }

    /// What the client says it is, up to 4 KiB: raw JSON, and its own word only.
    pub fn client_info(&self) -> Option<&[u8]> {
        self.asked.get()?.info.as_deref()
    }

    /// What the client can do, up to 4 KiB: raw JSON.
    pub fn client_capabilities(&self) -> Option<&[u8]> {
        self.asked.get()?.capabilities.as_deref()
    }

    /// Whether the client may be asked this, by what it can do.
    #[cfg(feature = "http")]
    pub(crate) fn allows(&self, question: &JsonRpcMessage) -> bool {
        self.asked.get().is_none_or(|asked| asked.declared.allows(question))
    }

    /// What the server can do, up to 4 KiB: raw JSON.
    pub fn server_capabilities(&self) -> Option<&[u8]> {
        self.agreed.get()?.capabilities.as_deref()
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn copy(object: Option<&[u8]>, key: &str) -> Option<Bytes> {
    let value = peek::member(object?, key).ok()??;
    (value.len() <= MAX_KEPT).then(|| Bytes::copy_from_slice(value))
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("key", &self.key)
            .field("principal", &self.principal)
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}

/// Keeps a session from being idle.
#[derive(Debug)]
pub struct InUse {
    session: Arc<Session>,
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut usage = self.session.usage();
        usage.uses -= 1;
        // As long as others use it, it is not idle.
        if usage.uses == 0 {
            usage.last = Instant::now();
        }
    }
}
