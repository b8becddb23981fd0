//! From the client: what is called, what is cancelled, what is refused.

use std::task::Context;

use super::slot::Slot;
use super::{Dispatch, REFUSALS, WAITING};
use crate::error::Error;
use crate::message::{Code, JsonRpcMessage, Kind, ParseError, Responder, looks_like_reply};
use crate::protocol::{Declared, method, peek};
use crate::reply::{RpcService, failure};

impl<S: RpcService> Dispatch<S> {
    /// Takes one message of the client.
    pub(in crate::serve) fn accept(&mut self, message: JsonRpcMessage, cx: &mut Context<'_>) {
        match message.kind() {
            Kind::Request => self.accept_request(message, cx),
            Kind::Notification if self.cancel(&message) => {}
            Kind::Notification if self.is_crowded() => {
                self.tell_refused(message.bytes(), "too much is in flight");
                tracing::warn!(
                    method = message.method(),
                    "a notification was dropped: too much is in flight"
                );
            }
            Kind::Notification => self.admit(message, cx),
            Kind::Response => self.accept_answer(message, cx),
        }
    }

    /// Too much is in flight for messages that nobody waits for.
    fn is_crowded(&self) -> bool {
        self.in_flight() >= 2 * self.max_in_flight || self.waiting_bytes > 2 * WAITING
    }

    fn accept_request(&mut self, message: JsonRpcMessage, cx: &mut Context<'_>) {
        if self.era.is_none() {
            self.era = peek::settled_era(&message);
        }
        if message.is_method(method::INITIALIZE) {
            self.declared = Some(Declared::by(&message));
        }
        let Some(id) = message.owned_id() else { return };
        if self.ids.insert(&id, ()).is_some() {
            let why = format!("the id {id} is in use by another request");
            self.tell_refused(message.bytes(), &why);
            return self.decline(JsonRpcMessage::refusal(None, Code::INVALID_REQUEST, why));
        }
        if self.ids.len() > self.max_in_flight || self.waiting_bytes > WAITING {
            self.ids.remove(&id);
            let why = "too many requests are in flight";
            self.tell_refused(message.bytes(), why);
            let busy = Error::busy(why).into();
            return failure(&message.responder(), &busy).into_iter().for_each(|answer| self.decline(answer));
        }
        self.admit(message, cx);
    }

    /// An answer must be to a question that is open, exactly: else it could answer a later one.
    fn accept_answer(&mut self, message: JsonRpcMessage, cx: &mut Context<'_>) {
        let asked = match message.owned_id() {
            Some(id) => self.questions.remove(&id).is_some(),
            None => message.error().is_some() && !self.is_crowded(),
        };
        if asked {
            return self.admit(message, cx);
        }
        let why = "a response to a request that was not made";
        self.tell_refused(message.bytes(), why);
        self.decline(JsonRpcMessage::refusal(None, Code::INVALID_REQUEST, why));
    }

    /// A cancel is a drop; its message rides along, for the connector to forward. One that names no request in
    /// flight, as when it crossed the answer, is none: it travels like any other notification, and the server
    /// ignores it (2026-07-28 basic/patterns/cancellation).
    fn cancel(&mut self, message: &JsonRpcMessage) -> bool {
        if !message.is_method(method::CANCELLED) {
            return false;
        }
        let named = peek::cancelled_id(message).ok().flatten().map(|id| id.to_owned());
        let Some(id) = named.filter(|id| self.ids.remove(id).is_some()) else { return false };
        let is_it = |waiting: &JsonRpcMessage| {
            waiting.kind() == Kind::Request && waiting.owned_id().as_ref() == Some(&id)
        };
        if let Some(waiting) = self.waiting.iter().position(is_it).and_then(|at| self.waiting.remove(at)) {
            self.waiting_bytes -= waiting.bytes().len();
        }
        let is_called = |slot: &Slot<_>| slot.responder.as_ref().and_then(Responder::id) == Some(&id);
        if let Some(at) = self.slots.iter().position(is_called) {
            self.facts.leave_cancellation(id.clone(), message.clone());
            self.release(at);
            self.facts.take_cancellation(&id); // nobody below forwards it
        }
        true
    }

    /// Bytes of the client that are no message. It is told, with the id unless another call has it.
    pub(in crate::serve) fn refuse(&mut self, bytes: &[u8], error: &ParseError, cx: &mut Context<'_>) {
        let bytes_are_reply = looks_like_reply(bytes);
        self.tell_refused(bytes, error);
        tracing::debug!(%error, "a message of the client was refused");
        if !error.is_answerable() {
            return;
        }
        if let Some(id) = error.id().filter(|id| bytes_are_reply && self.questions.remove(id).is_some()) {
            let lost =
                JsonRpcMessage::refusal(Some(id), Code::INTERNAL_ERROR, "the client's answer was refused");
            self.admit(lost, cx);
        }
        let id = error.id().filter(|id| !bytes_are_reply && !self.ids.contains(id));
        self.decline(JsonRpcMessage::refusal(id, error.code(), error));
    }

    /// An array of messages that is no batch.
    pub(in crate::serve) fn refuse_batch(&mut self, bytes: &[u8], code: Code, why: &str) {
        self.tell_refused(bytes, why);
        self.decline(JsonRpcMessage::refusal(None, code, why));
    }

    /// Tells the client of what the stack never saw.
    fn decline(&mut self, refusal: JsonRpcMessage) {
        if self.queued < REFUSALS {
            self.say(refusal);
        }
    }
}
