//! What an interceptor sees.

use std::time::{Duration, Instant};

use http::Extensions;

use super::beat::Said;
use crate::message::{Direction, JsonRpcMessage};

/// One message on its way, and what is known about it.
#[derive(Debug)]
pub struct Interception {
    message: JsonRpcMessage,
    direction: Direction,
    pub(super) exchange: Exchange,
}

/// One request of the client with its whole reply, or a notification or answer that stands alone.
#[derive(Debug)]
pub(super) struct Exchange {
    /// As it went upstream, or the server's question that the client answers.
    pub(super) request: Option<JsonRpcMessage>,
    /// Set when somebody is first shown something of it, or may be later.
    pub(super) began: Option<Instant>,
    pub(super) transport: Extensions,
    pub(super) metadata: Extensions,
    /// Where progress of ours stands, if the request waited.
    pub(super) said: Option<Said>,
}

impl Exchange {
    pub(super) fn new(request: Option<JsonRpcMessage>) -> Self {
        let (transport, metadata) = (Extensions::new(), Extensions::new());
        Self { request, began: None, transport, metadata, said: None }
    }

    /// Its time counts from now, unless it does already.
    pub(super) fn begin(&mut self) {
        self.began.get_or_insert_with(Instant::now);
    }

    /// The session of its request.
    pub(super) fn session_id(&self) -> Option<&str> {
        self.request.as_ref()?.context()?.session_id()
    }
}

impl Interception {
    pub(super) fn new(message: JsonRpcMessage, direction: Direction, mut exchange: Exchange) -> Self {
        exchange.begin();
        Self { message, direction, exchange }
    }

    /// The message as the interceptors before left it.
    pub fn message(&self) -> &JsonRpcMessage {
        &self.message
    }

    /// Which way it goes.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The client's request that a message of the server belongs to, as it went upstream; the server's question
    /// that an answer of the client belongs to, where it came through this layer; the message itself, if it is a
    /// request. What a server says unasked belongs to a listen.
    pub fn request(&self) -> Option<&JsonRpcMessage> {
        if self.message.method().is_some() && self.direction == Direction::ToUpstream {
            return Some(&self.message);
        }
        self.exchange.request.as_ref()
    }

    /// The message's method; of a response, that of its request.
    pub fn method(&self) -> Option<&str> {
        self.message.method().or_else(|| self.exchange.request.as_ref()?.method())
    }

    /// The session's name, where the front end gave it one.
    pub fn session_id(&self) -> Option<&str> {
        let own = self.message.context().and_then(|context| context.session_id());
        own.or_else(|| self.exchange.session_id())
    }

    /// How long ago the client's request came. Where nobody in the chain was to be shown replies then, how long ago
    /// the first message of its reply came that somebody was shown.
    pub fn elapsed(&self) -> Duration {
        self.exchange.began.map_or(Duration::ZERO, |began| began.elapsed())
    }

    /// What the transport said beside the reply that this message is of: a
    /// [`reply::Upstream`](crate::reply::Upstream), for instance.
    pub fn transport(&self) -> &Extensions {
        &self.exchange.transport
    }

    /// What interceptors leave for those that come later, by type: later in the chain, and at the messages of the
    /// same request's reply.
    pub fn metadata(&self) -> &Extensions {
        &self.exchange.metadata
    }

    /// The same, to add to.
    pub fn metadata_mut(&mut self) -> &mut Extensions {
        &mut self.exchange.metadata
    }

    pub(super) fn replace(&mut self, message: JsonRpcMessage) {
        self.message = message;
    }

    pub(super) fn into_parts(self) -> (JsonRpcMessage, Exchange) {
        (self.message, self.exchange)
    }
}
