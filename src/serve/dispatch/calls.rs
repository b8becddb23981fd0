//! To the stack and back: admission, polling, and exactly one answer for each request.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use super::slot::{self, Progress, Purpose, Slot};
use super::{Dispatch, LISTENED, ROOM};
use crate::error::{BoxError, Error};
use crate::message::{Code, JsonRpcMessage, Kind, OwnedId, Responder};
use crate::protocol::{Era, method, peek};
use crate::reply::{RpcService, failure};

impl<S: RpcService> Dispatch<S> {
    /// Calls the stack now if it is ready, else in turn.
    pub(super) fn admit(&mut self, message: JsonRpcMessage, cx: &mut Context<'_>) {
        let message =
            if message.context().is_some() { message } else { message.with_context(self.facts.clone()) };
        self.waiting_bytes += message.bytes().len();
        self.waiting.push_back(message);
        self.admit_waiting(cx);
    }

    pub(super) fn admit_waiting(&mut self, cx: &mut Context<'_>) {
        while !self.waiting.is_empty() {
            let ready = catch_unwind(AssertUnwindSafe(|| self.service.poll_ready(cx)));
            match ready {
                Ok(Poll::Pending) => return,
                Ok(Poll::Ready(Ok(()))) => self.call_next(),
                _ if self.queued >= ROOM => return,
                Ok(Poll::Ready(Err(error))) => self.fail_next(&error.into()),
                Err(_) => self.fail_next(&slot::panicked()),
            }
        }
    }

    fn fail_next(&mut self, error: &BoxError) {
        let Some(message) = self.next_waiting() else { return };
        if message.is_session_listen() {
            return;
        }
        if let Some(id) = message.owned_id() {
            self.ids.remove(&id);
        }
        failure(&message.responder(), error).into_iter().for_each(|answer| self.say(answer));
    }

    fn next_waiting(&mut self) -> Option<JsonRpcMessage> {
        let message = self.waiting.pop_front()?;
        self.waiting_bytes -= message.bytes().len();
        Some(message)
    }

    fn call_next(&mut self) {
        let Some(message) = self.next_waiting() else { return };
        let purpose = match message.kind() {
            _ if message.is_session_listen() => Purpose::Listen,
            Kind::Request if message.is_listen() => Purpose::Subscription,
            Kind::Request => Purpose::Answer,
            _ => Purpose::Quiet,
        };
        let is_answered = matches!(purpose, Purpose::Answer | Purpose::Subscription);
        let responder = is_answered.then(|| message.responder());
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::new(self.ready.waker(self.slots.len())));
            self.slots.len() - 1
        });
        self.in_flight += usize::from(purpose != Purpose::Listen);
        if purpose == Purpose::Listen {
            self.listen_slot = Some(at);
        }
        match catch_unwind(AssertUnwindSafe(|| self.service.call(message))) {
            Ok(future) => {
                self.slots[at].begin(future, purpose, responder);
                self.poll_slot(at);
            }
            Err(_) => {
                (self.slots[at].purpose, self.slots[at].responder) = (purpose, responder);
                self.fail_slot(at, &slot::panicked());
            }
        }
    }

    /// What the server said unasked before it answered must not come after the answer: the listen is emptied
    /// whenever answers are taken. The order of all of them is the server's.
    pub(super) fn drain_listen(&mut self) {
        let mut more = false;
        for _ in 0..LISTENED {
            let Some(at) = self.listen_slot.filter(|at| more || self.slots[*at].waker.is_woken()) else {
                return;
            };
            match self.slots[at].poll() {
                Progress::Pending => return,
                Progress::Item(message) => more = !self.item(at, message),
                Progress::Failed(error) => self.fail_slot(at, &error),
                Progress::End => self.release(at),
            }
        }
        if let Some(at) = self.listen_slot {
            self.slots[at].poll_later();
        }
    }

    pub(super) fn poll_slot(&mut self, at: usize) {
        if self.slots[at].is_idle() {
            return; // a late wake of a call that is over
        }
        loop {
            if self.queued >= ROOM {
                return self.slots[at].poll_later();
            }
            match self.slots[at].poll() {
                Progress::Pending => return,
                Progress::Item(message) => {
                    if self.item(at, message) {
                        return;
                    }
                }
                Progress::Failed(error) => return self.fail_slot(at, &error),
                Progress::End if self.slots[at].responder.is_some() => {
                    let error = Error::closed("a reply ended without a response").into();
                    return self.fail_slot(at, &error);
                }
                Progress::End => return self.release(at),
            }
        }
    }

    /// One message of a reply. Tells whether the call is over with it.
    fn item(&mut self, at: usize, message: JsonRpcMessage) -> bool {
        let slot = &mut self.slots[at];
        let order = if message.sequence() > 0 { message.sequence() } else { self.order };
        slot.order = slot.order.max(order); // what a layer made stays between its neighbours
        let order = slot.order;
        let (purpose, expected) = (slot.purpose, slot.responder.as_ref().and_then(Responder::id));
        let final_response = message.kind() == Kind::Response && message.id().is_some();
        let ends = final_response || purpose == Purpose::Subscription && cancels(&message, expected);
        match purpose {
            Purpose::Answer | Purpose::Subscription
                if final_response && !expected.is_some_and(|id| message.has_id(id)) =>
            {
                let error = Error::invalid("the stack answered with another id").into();
                self.fail_slot(at, &error);
                return true;
            }
            Purpose::Answer | Purpose::Subscription => self.say_at(order, message),
            Purpose::Listen if !final_response => self.say_at(order, message),
            Purpose::Listen | Purpose::Quiet => tracing::debug!(?message, "nobody waits for this message"),
        }
        if ends {
            self.release(at);
        }
        ends
    }

    /// The call is over without an answer of the stack.
    fn fail_slot(&mut self, at: usize, error: &BoxError) {
        let slot = &mut self.slots[at];
        if slot.purpose == Purpose::Listen {
            tracing::warn!(%error, "the session's listen failed");
            let error = error.downcast_ref::<Error>();
            self.listen_lost = error.is_some_and(Error::is_overflow);
            self.upstream_gone = error.filter(|error| error.is_closed()).cloned();
        } else if let (Purpose::Subscription, true, Some(responder)) =
            (slot.purpose, slot.is_open(), &slot.responder)
        {
            tracing::warn!(%error, "a listen broke");
            let end = end_of(responder);
            let order = slot.order.max(self.order);
            end.into_iter().for_each(|end| self.say_at(order, end));
        } else if let Some(answer) = slot.responder.as_ref().and_then(|responder| failure(responder, error)) {
            let order = slot.order.max(self.order);
            self.say_at(order, answer);
        } else {
            tracing::warn!(%error, "a notification was not delivered");
        }
        self.release(at);
    }

    /// Ends every call with one error; what is said of it is polled as ever.
    #[cfg(feature = "http")]
    pub(in crate::serve) fn fail(&mut self, why: &Error) {
        let error = why.clone().into();
        for at in 0..self.slots.len() {
            if !self.slots[at].is_idle() && self.slots[at].purpose != Purpose::Listen {
                self.fail_slot(at, &error);
            }
        }
        while !self.waiting.is_empty() {
            self.fail_next(&error);
        }
    }

    fn refuse_question(&mut self, question: &JsonRpcMessage, code: Code, why: &str) {
        tracing::warn!(method = question.method(), why, "a question of the server was refused");
        question.responder().refusal(code, why).into_iter().for_each(|refusal| self.put_off(refusal));
    }

    /// To the stack, as soon as it is ready.
    fn put_off(&mut self, message: JsonRpcMessage) {
        self.waiting_bytes += message.bytes().len();
        self.waiting.push_back(message.with_context(self.facts.clone()));
    }

    /// The call is over, or cancelled.
    pub(super) fn release(&mut self, at: usize) {
        let slot = &mut self.slots[at];
        if let Some(id) = slot.responder.as_ref().and_then(Responder::id) {
            self.ids.remove(id);
        }
        if slot.purpose == Purpose::Listen {
            self.listen_slot = None;
        } else {
            self.in_flight -= 1;
        }
        slot.clear();
        self.free.push(at);
    }

    /// To the client, behind what it was told so far.
    pub(super) fn say(&mut self, message: JsonRpcMessage) {
        self.say_at(self.order, message);
    }

    fn say_at(&mut self, order: u64, message: JsonRpcMessage) {
        if let Ok(Some(withdrawn)) = peek::cancelled_id(&message) {
            self.questions.remove(&withdrawn.to_owned());
        }
        if message.kind() == Kind::Request {
            if self.era == Some(Era::Modern) {
                // Servers of that era never ask so, and clients never answer (2026-07-28 basic/transports/stdio).
                tracing::warn!(method = message.method(), "a request of a modern server was dropped");
                return;
            }
            if self.declared.is_some_and(|declared| !declared.allows(&message)) {
                return self.refuse_question(
                    &message,
                    Code::METHOD_NOT_FOUND,
                    "the client does not offer this",
                );
            }
            if self.questions.len() >= 2 * self.max_in_flight {
                return self.refuse_question(&message, Code::INTERNAL_ERROR, "too many questions are open");
            }
            if let Some(id) = message.owned_id() {
                self.questions.insert(&id, ());
            }
        }
        self.order = self.order.max(order);
        self.queued += message.bytes().len();
        self.out.push((order, message));
    }
}

/// Whether the server ends the listen `id` with this.
fn cancels(message: &JsonRpcMessage, id: Option<&OwnedId>) -> bool {
    let named = peek::cancelled_id(message).ok().flatten().map(|id| id.to_owned());
    named.is_some() && named.as_ref() == id
}

/// How a listen ends whose server did not say so; an answer would pass for the server's own word (2026-07-28
/// basic/patterns/subscriptions, "Graceful Closure").
fn end_of(listen: &Responder) -> Option<JsonRpcMessage> {
    let params = format!(r#"{{"requestId":{}}}"#, listen.id()?.as_str());
    JsonRpcMessage::notification(method::CANCELLED, params).ok().map(JsonRpcMessage::synthetic)
}
