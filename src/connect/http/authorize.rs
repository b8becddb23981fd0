//! Whose credentials a request carries.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::state::{Shared, State};
use crate::message::JsonRpcMessage;
use crate::protocol::Era;
use crate::wire::http::ClientAuthorization;

impl Shared {
    /// Keeps what the client of a session last sent, for what we say in its name: a session has one client.
    pub(super) fn remember(&self, state: &mut State, message: &JsonRpcMessage) {
        if !self.options.transparent || state.era == Some(Era::Modern) {
            return;
        }
        let sent = message.extensions().get::<ClientAuthorization>();
        if let Some(sent) = sent.and_then(ClientAuthorization::value) {
            state.authorization = Some(sent.clone());
        }
    }

    /// A message of the client carries what the client sent with it, be it nothing.
    pub(super) fn authorize(&self, headers: &mut HeaderMap, message: &JsonRpcMessage, era: Era) {
        if !self.options.transparent {
            return;
        }
        match message.extensions().get::<ClientAuthorization>().map(ClientAuthorization::value) {
            Some(Some(sent)) => _ = headers.insert(AUTHORIZATION, sent.clone()),
            Some(None) => _ = headers.remove(AUTHORIZATION),
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
