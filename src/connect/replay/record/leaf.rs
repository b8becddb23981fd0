//! One call of a leaf that is recorded.

use std::sync::Arc;

use super::log::Log;
use crate::error::{BoxError, Error};
use crate::message::{Direction, JsonRpcMessage, Kind};
use crate::reply::{End, Event, Reply};
use crate::tape::{Outcome, failure};

/// Notes how a call ends, whatever ends it.
pub(super) struct Call {
    log: Arc<Log>,
    /// `None` on the session's listen, and of what is not answered.
    number: Option<u64>,
    over: bool,
}

impl Call {
    /// The front end's own listen is nobody's message.
    pub(super) fn begin(log: &Arc<Log>, message: &JsonRpcMessage) -> Self {
        let is_call = message.kind() == Kind::Request && !message.is_session_listen();
        let number = is_call.then(|| log.call());
        if !message.is_session_listen() {
            log.said(message, Direction::ToUpstream, number);
        }
        Self { log: log.clone(), number, over: false }
    }

    pub(super) async fn run<E: Into<BoxError>>(
        mut self,
        reply: impl Future<Output = Result<Reply, E>>,
    ) -> Result<Reply, Error> {
        match reply.await {
            Ok(reply) => Ok(reply.inspect(move |event| self.see(&event))),
            Err(error) => {
                let error = Error::from(error.into());
                self.end(Outcome::Failed, failure::told(&error, &error.to_string()));
                Err(error)
            }
        }
    }

    fn see(&mut self, event: &Event<'_>) {
        match event {
            Event::Message(message) => {
                self.log.said(message, Direction::ToClient, self.number);
                if message.kind() == Kind::Response && message.id().is_some() {
                    self.end(Outcome::Answered, String::new());
                }
            }
            Event::End(End::Failed(error)) => {
                self.end(Outcome::Failed, failure::told(error, &error.to_string()));
            }
            Event::End(End::Complete) => self.end(Outcome::Unanswered, String::new()),
            Event::End(End::Dropped) => self.end(Outcome::Cancelled, String::new()),
        }
    }

    /// The first end counts.
    fn end(&mut self, outcome: Outcome, why: String) {
        if let Some(number) = self.number.filter(|_| !self.over) {
            self.over = true;
            self.log.ended(number, outcome, why);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(Outcome::Cancelled, String::new());
    }
}
