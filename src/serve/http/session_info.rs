//! What a stack is made for.

use std::sync::Arc;

use http::Extensions;

use crate::message::JsonRpcMessage;
use crate::session::Session;

/// The session that a stack is made for.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    pub(super) session: Arc<Session>,
    pub(super) initialize: Option<JsonRpcMessage>,
    pub(super) extensions: Extensions,
}

impl SessionInfo {
    /// The session itself.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The client's `initialize`, where the session begins with one: on Streamable HTTP.
    pub fn initialize(&self) -> Option<&JsonRpcMessage> {
        self.initialize.as_ref()
    }

    /// What the layers around the front end know about the request that opened the session. Its headers are not
    /// there: a client's credentials do not go on.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }
}
