//! One message of the client and its reply, as they are recorded.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::components::Managing;
use super::stack::Stack;
use crate::layer::tap::{self, Ending};
use crate::message::{Context, Direction, JsonRpcMessage, Kind, OwnedId};
use crate::reply::Reply;
use crate::tape::{self, Outcome, Recorder, failure};
use crate::wire::fault;

pub(super) struct Exchange {
    stack: Arc<Stack>,
    recorder: Recorder,
    taped: tape::Exchange,
    /// By which a request is cancelled.
    call: Option<(OwnedId, Arc<Context>)>,
    managing: Option<Managing>,
    /// It is a request of the client's own.
    is_owed: bool,
    /// Its reply is one message.
    is_single: bool,
}

impl Exchange {
    /// `None` where the message must not go on, since it cannot be recorded.
    pub(super) fn new(stack: &Arc<Stack>, recorder: Recorder, message: &JsonRpcMessage) -> Option<Self> {
        let is_request = message.kind() == Kind::Request && !message.is_session_listen();
        let masked = stack.masked(message);
        let components = stack.components.as_ref().filter(|_| is_request);
        let asked = components.zip(masked.as_ref()).map(|(components, request)| components.asked(request));
        let (component, managing) = asked.unwrap_or_default();
        let taped = match masked {
            Some(masked) => {
                let taped = recorder.begin_for(&masked, component);
                watch(&taped, message, &masked, Direction::ToUpstream);
                taped
            }
            None if recorder.must_record() && !message.is_session_listen() => {
                recorder.refuse();
                return None;
            }
            None => recorder.begin_lost(message),
        };
        let call = message.owned_id().zip(message.context().cloned()).filter(|_| is_request);
        let (stack, is_owed, is_single) = (stack.clone(), is_request, false);
        Some(Self { stack, recorder, taped, call, managing, is_owed, is_single })
    }

    /// Marks the message, so that a recorder that sees the call again knows it; where this one is paused, whose it is.
    pub(super) fn marked(&self, message: JsonRpcMessage) -> JsonRpcMessage {
        match self.taped.mark() {
            Some(mark) => message.recorded(mark),
            None => self.stack.unrecorded(message, Some(&self.recorder)),
        }
    }

    /// How a call ended that nobody waits for any more; the client's own word for it is recorded.
    fn cancelled(&mut self) -> Outcome {
        let Some((id, context)) = self.call.take() else { return Outcome::Dropped };
        let Some(cancellation) = context.cancellation(&id) else { return Outcome::Dropped };
        if let Some(masked) = self.stack.masked(&cancellation) {
            self.taped.sent(&masked);
        }
        Outcome::Cancelled
    }

    fn why(&self, error: &crate::error::Error) -> String {
        let text = self.stack.settings.mask.text(error.to_string().as_bytes());
        failure::told(error, &String::from_utf8_lossy(&text))
    }
}

impl tap::Exchange for Exchange {
    fn replied(&mut self, reply: &Reply) {
        self.is_single = reply.is_single();
        #[cfg(feature = "secret")]
        if reply.extensions().get::<crate::layer::strip::StrippedBelow>().is_some() {
            self.stack.settings.counts.above_strip();
        }
    }

    fn received(&mut self, message: &JsonRpcMessage) {
        let Some(masked) = self.stack.masked(message) else { return self.taped.lost(message) };
        // Before what is the last of this exchange is said.
        watch(&self.taped, message, &masked, Direction::ToClient);
        match self.is_single {
            true => self.taped.received_only(&masked),
            false => self.taped.received(&masked),
        }
        if let Some(components) = &self.stack.components {
            components.heard(self.managing.as_ref(), &masked, &self.recorder);
        }
    }

    fn ended(&mut self, how: Ending<'_>) {
        let (outcome, why) = match how {
            _ if self.taped.is_answered() => (Outcome::Answered, String::new()),
            Ending::Failed(error) => (
                Outcome::Failed,
                error.map_or_else(|| "the channel broke".to_owned(), |error| self.why(error)),
            ),
            Ending::Complete if self.is_owed => (Outcome::Unanswered, String::new()),
            Ending::Complete => (Outcome::Answered, String::new()),
            Ending::Cancelled => (self.cancelled(), String::new()),
        };
        self.taped.ended(outcome, &why);
    }
}

/// A message that a layer has marked to be repeated where it is written: copies of it are on the tape, too, if it is.
fn watch(taped: &tape::Exchange, message: &JsonRpcMessage, masked: &JsonRpcMessage, direction: Direction) {
    let Some(mark) = fault::of(message) else { return };
    if let Some(copies) = taped.copies(masked, direction) {
        mark.watch_copies(copies.who(), move |made| copies.made(made));
    }
}

impl Stack {
    /// The message as it may be recorded.
    fn masked<'m>(&self, message: &'m JsonRpcMessage) -> Option<Cow<'m, JsonRpcMessage>> {
        let masked = self.settings.mask.message(message);
        let count = match &masked {
            Some(Cow::Borrowed(_)) => return masked,
            Some(_) => &self.settings.counts.masked,
            None => &self.settings.counts.unmaskable,
        };
        count.fetch_add(1, Ordering::Relaxed);
        masked
    }
}
