//! One message of the client and its reply, as it is told.

use std::sync::Arc;

use tokio::time::Instant;

use super::hub::Stack;
use super::{Event, Passed, Unfinished};
use crate::layer::tap::{self, Ending};
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::method;

pub(super) struct Exchange {
    /// Keeps the stack: its sessions are over when all that they asked is.
    stack: Arc<Stack>,
    message: JsonRpcMessage,
    since: Instant,
    answered: bool,
}

impl Exchange {
    pub(super) fn new(stack: &Arc<Stack>, message: &JsonRpcMessage) -> Self {
        // Kept for as long as someone is slow to look at it.
        let message = message.clone().detach();
        let exchange = Self { stack: stack.clone(), message, since: Instant::now(), answered: false };
        // A front end's own listen is no message of anybody's; what comes on it is.
        if !exchange.message.is_session_listen() {
            let (message, elapsed) = (exchange.message.clone(), std::time::Duration::ZERO);
            exchange.stack.hub().tell(&Event::Sent(Passed { message, request: None, elapsed }));
        }
        exchange
    }

    fn unfinished(&self, error: Option<crate::error::Error>) -> Unfinished {
        Unfinished { message: self.message.clone(), error, elapsed: self.since.elapsed() }
    }
}

impl tap::Exchange for Exchange {
    fn received(&mut self, message: &JsonRpcMessage) {
        let is_response = message.kind() == Kind::Response;
        self.answered |= is_response;
        if is_response && message.result().is_some() && self.message.is_method(method::INITIALIZE) {
            self.stack.opens(&self.message);
        }
        let (request, elapsed) = (Some(self.message.clone()), self.since.elapsed());
        let message = message.clone().detach();
        self.stack.hub().tell(&Event::Received(Passed { message, request, elapsed }));
    }

    fn ended(&mut self, how: Ending<'_>) {
        let is_owed = self.message.kind() == Kind::Request && !self.answered;
        let event = match how {
            Ending::Failed(error) => Event::Failed(self.unfinished(error.cloned())),
            Ending::Complete if is_owed => Event::Failed(self.unfinished(None)),
            Ending::Cancelled if !self.answered && !self.message.is_session_listen() => {
                Event::Cancelled(self.unfinished(None))
            }
            Ending::Complete | Ending::Cancelled => return,
        };
        self.stack.hub().tell(&event);
    }
}
