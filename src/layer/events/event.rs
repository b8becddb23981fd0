//! What is told.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::message::{Direction, JsonRpcMessage};
use crate::session::Session;

/// Something that happened. A clone costs some refcounts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A message of the client went on toward the server.
    Sent(Passed),
    /// A message of the server was read on its way to the client.
    Received(Passed),
    /// The channel below broke before a message of the client was done with: a request has no response.
    Failed(Unfinished),
    /// A message of the client was dropped before it was done with: a request was cancelled, or its session is over.
    Cancelled(Unfinished),
    /// A session began.
    SessionCreated(SessionName),
    /// A session that was told of is over.
    SessionClosed(SessionName),
    /// So many events found no room here and are lost.
    Lost(u64),
}

/// A message that passed.
#[derive(Clone, Debug)]
pub struct Passed {
    pub(super) message: JsonRpcMessage,
    pub(super) request: Option<JsonRpcMessage>,
    pub(super) elapsed: Duration,
}

impl Passed {
    /// The message.
    pub fn message(&self) -> &JsonRpcMessage {
        &self.message
    }

    /// Which way it goes.
    pub fn direction(&self) -> Direction {
        if self.request.is_some() { Direction::ToClient } else { Direction::ToUpstream }
    }

    /// What the client sent, of whose reply this message is. What a server says unasked belongs to a listen.
    pub fn request(&self) -> Option<&JsonRpcMessage> {
        self.request.as_ref()
    }

    /// The message's method, of a response that of its request.
    pub fn method(&self) -> Option<&str> {
        self.message.method().or_else(|| self.request.as_ref()?.method())
    }

    /// The session's name, where its front end gave it one.
    pub fn session_id(&self) -> Option<&str> {
        session_of(self.request.as_ref().unwrap_or(&self.message))
    }

    /// How long ago the client's message came: zero for that itself.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

/// A message of the client that is not done with and will not be.
#[derive(Clone, Debug)]
pub struct Unfinished {
    pub(super) message: JsonRpcMessage,
    pub(super) error: Option<Error>,
    pub(super) elapsed: Duration,
}

impl Unfinished {
    /// What the client sent.
    pub fn message(&self) -> &JsonRpcMessage {
        &self.message
    }

    /// What went wrong, where something did that is an error of this crate.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// The session's name, where its front end gave it one.
    pub fn session_id(&self) -> Option<&str> {
        session_of(&self.message)
    }

    /// How long ago the message came.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

/// Which session it is about.
#[derive(Clone, Debug)]
pub struct SessionName {
    pub(super) id: Option<Arc<str>>,
    pub(super) session: Option<Arc<Session>>,
}

impl SessionName {
    /// Its name, where its front end gave it one: what messages of the session are marked with, too. It is no secret.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What is known of it, where its front end knows something: on HTTP.
    pub fn session(&self) -> Option<&Arc<Session>> {
        self.session.as_ref()
    }
}

fn session_of(message: &JsonRpcMessage) -> Option<&str> {
    message.context()?.session_id()
}
