//! What a server told of its session.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::opening::version;
use crate::message::JsonRpcMessage;
use crate::protocol::{ProtocolVersion, header, peek};

/// What a legacy server told of its session; nothing before that. A clone costs a refcount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Session(Option<Arc<Told>>);

#[derive(Debug, PartialEq, Eq)]
struct Told {
    id: Option<HeaderValue>,
    version: Option<HeaderValue>,
    has_batches: bool,
    /// What is said with every message of it.
    head: HeaderMap,
}

impl Session {
    /// `version`: the revision agreed upon, where requests are to name it. `head`: what is said without a session.
    pub(super) fn new(id: Option<HeaderValue>, version: Option<HeaderValue>, mut head: HeaderMap) -> Self {
        for (name, value) in [(header::SESSION_ID, &id), (header::PROTOCOL_VERSION, &version)] {
            if let Some(value) = value {
                head.insert(name, value.clone());
            }
        }
        Self(Some(Arc::new(Told { id, version, has_batches: false, head })))
    }

    /// The session that this answer to an `initialize` opens.
    pub(super) fn opened(id: Option<HeaderValue>, welcome: &JsonRpcMessage, head: HeaderMap) -> Self {
        let mut session = Self::new(id, version(welcome), head);
        if let Some(told) = session.0.as_mut().and_then(Arc::get_mut) {
            told.has_batches = peek::agreed_version(welcome).is_some_and(ProtocolVersion::has_batches);
        }
        session
    }

    /// As the server named it.
    pub(super) fn id(&self) -> Option<&HeaderValue> {
        self.0.as_ref()?.id.as_ref()
    }

    pub(super) fn version(&self) -> Option<&HeaderValue> {
        self.0.as_ref()?.version.as_ref()
    }

    /// Its server may say several messages at once.
    pub(super) fn has_batches(&self) -> bool {
        self.0.as_ref().is_some_and(|told| told.has_batches)
    }

    /// The head of a message of it; `plain` is one of no session.
    pub(super) fn head<'a>(&'a self, plain: &'a HeaderMap) -> &'a HeaderMap {
        self.0.as_ref().map_or(plain, |told| &told.head)
    }
}
