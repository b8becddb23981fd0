//! What the answer to an `initialize` opens.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::call::Call;
use super::session::Session;
use super::state::Shared;
use crate::message::JsonRpcMessage;
use crate::protocol::{Era, ProtocolVersion, peek};
use crate::session;
use crate::wire::http::session_id;

/// The most bytes of a revision's name that go into a header of every request.
const MAX_VERSION: usize = 64;

/// The session that a head names, if it can be one.
pub(super) fn named_session(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut id: HeaderValue = session_id(headers).ok()??.parse().ok()?;
    id.set_sensitive(true);
    Some(id)
}

/// The revision that was agreed upon, where requests are to name it: before 2025-06-18 nobody knows the header.
pub(super) fn version(welcome: &JsonRpcMessage) -> Option<HeaderValue> {
    let version = peek::protocol_version(welcome).ok()??;
    let is_one = version.len() <= MAX_VERSION && version.bytes().all(|byte| byte.is_ascii_graphic());
    let is_named = is_one && &*version >= ProtocolVersion::V2025_06_18.as_str();
    is_named.then(|| version.parse().ok()).flatten()
}

impl Call {
    /// A front end's session learns by which id the server knows it.
    pub(super) fn note(&self, opened: &Session) {
        let session =
            self.context.as_ref().and_then(|context| context.shared().get::<Arc<session::Session>>());
        if let (Some(session), Some(Ok(id))) = (session, opened.id().map(HeaderValue::to_str)) {
            session.set_upstream_id(session::SessionId::from_text(id));
        }
    }
}

impl Shared {
    /// A session is open, in the place of another; or nobody is left who would use it.
    pub(super) fn open_session(self: &Arc<Self>, session: Session) {
        let mut state = self.lock();
        state.era = Some(Era::Legacy);
        let mut over = std::mem::replace(&mut state.session, session);
        if self.error().is_some() {
            over = std::mem::take(&mut state.session);
        } else if over.id() == state.session.id() {
            over = Session::default();
        }
        drop(state);
        self.forget(over);
    }

    /// Nobody will use this session any more.
    pub(super) fn forget(self: &Arc<Self>, session: Session) {
        if session.id().is_none() {
            return;
        }
        if let Ok(permit) = self.aside.clone().try_acquire_owned() {
            let (shared, goodbye) = (self.clone(), self.goodbyes.subscribe());
            self.runtime.spawn(async move {
                let _ = shared.delete(session).await;
                drop((permit, goodbye));
            });
        }
    }
}
