//! Whose credentials a request carries.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::call::Call;
use super::state::{Shared, State};
use crate::message::JsonRpcMessage;
use crate::protocol::Era;
use crate::wire::http::ClientAuthorization;

impl Shared {
    /// Keeps what the client of a session last sent, be it nothing, for what we say in its name: a session has one
    /// client. Requests that stand alone may be anybody's.
    pub(super) fn remember(&self, state: &mut State, message: &JsonRpcMessage, era: Era) {
        if !self.options.transparent || era == Era::Modern {
            return;
        }
        if let Some(sent) = message.extensions().get::<ClientAuthorization>() {
            state.authorization = sent.value().cloned();
        }
    }

    /// What came with a call, for what we say of that call later: by then another client may have sent something.
    pub(super) fn credential_of(&self, message: &JsonRpcMessage) -> Option<Box<ClientAuthorization>> {
        if !self.options.transparent {
            return None;
        }
        message.extensions().get::<ClientAuthorization>().cloned().map(Box::new)
    }

    /// Whether a call carries a credential of our own, and none of a client.
    pub(super) fn lends_own(&self, call: &Call) -> bool {
        let is_clients =
            call.credential.is_some() || (call.era == Era::Legacy && self.lock().authorization.is_some());
        !is_clients && self.options.headers.contains_key(AUTHORIZATION)
    }

    /// A message of the client carries what the client sent with it, be it nothing.
    pub(super) fn authorize(&self, headers: &mut HeaderMap, message: &JsonRpcMessage, era: Era) {
        if !self.options.transparent {
            return;
        }
        match message.extensions().get() {
            Some(sent) => authorize_as(headers, sent),
            None if era == Era::Legacy => self.authorize_own(headers),
            None => {}
        }
    }

    /// What we ask for in the name of the session's client carries what that last sent.
    pub(super) fn authorize_own(&self, headers: &mut HeaderMap) {
        if let Some(last) = self.lock().authorization.clone() {
            headers.insert(AUTHORIZATION, last);
        }
    }
}

/// What the client sent, in place of a credential of our own.
pub(super) fn authorize_as(headers: &mut HeaderMap, sent: &ClientAuthorization) {
    match sent.value() {
        Some(sent) => _ = headers.insert(AUTHORIZATION, sent.clone()),
        None => _ = headers.remove(AUTHORIZATION),
    }
}
