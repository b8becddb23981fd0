//! The calls in flight of one client: ids in use, cancellation, exactly one answer each.

mod ready;
mod slot;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::error::{BoxError, Error};
use crate::message::{
    Beside, Cancellation, Code, Context as Facts, Direction, IdMap, JsonRpcMessage, Kind, ParseError,
    Responder,
};
use crate::protocol::{method, peek};
use crate::reply::{RpcService, failure};

use ready::Ready;
use slot::{Progress, Purpose, Slot};

/// Runs a stack for one client.
pub(super) struct Dispatch<S: RpcService> {
    service: S,
    facts: Arc<Facts>,
    max_in_flight: usize,
    slots: Vec<Slot<S::Future>>,
    free: Vec<usize>,
    ready: Arc<Ready>,
    woken: VecDeque<usize>,
    /// Requests of the client that wait for their answer.
    ids: IdMap<()>,
    /// Admitted, but the stack was not ready.
    waiting: VecDeque<JsonRpcMessage>,
    /// Of calls that are over, for calls to come.
    spare: Vec<Cancellation>,
    /// Requests of the server that the client has not answered.
    questions: IdMap<()>,
    /// What goes to the client, with its place in the server's order.
    out: Vec<(u64, JsonRpcMessage)>,
    /// Bytes in `out`.
    queued: usize,
    order: u64,
    in_flight: usize,
    upstream_gone: Option<Error>,
}

impl<S: RpcService> Dispatch<S> {
    pub(super) fn new(service: S, session: Option<&str>, max_in_flight: usize) -> Self {
        let facts = Facts::new(Direction::ToUpstream);
        Self {
            service,
            facts: Arc::new(match session {
                Some(session) => facts.session(session),
                None => facts,
            }),
            max_in_flight,
            slots: Vec::new(),
            free: Vec::new(),
            ready: Arc::new(Ready::default()),
            woken: VecDeque::new(),
            ids: IdMap::default(),
            waiting: VecDeque::new(),
            spare: Vec::new(),
            questions: IdMap::default(),
            out: Vec::new(),
            queued: 0,
            order: 0,
            in_flight: 0,
            upstream_gone: None,
        }
    }

    /// Asks the stack for what the server says unasked. Servers that know the question otherwise answer it
    /// like any other; that answer is ours and goes nowhere.
    pub(super) fn listen(&mut self, cx: &mut Context<'_>) {
        let facts = Facts::clone(&self.facts).session_listen();
        let request = JsonRpcMessage::request(LISTEN_ID, method::LISTEN, "{}")
            .expect("a constant message is well formed");
        self.admit(request.with_context(Arc::new(facts)), cx);
    }

    /// Calls, notifications and answers that are not over; the session's listen does not count.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight + self.waiting.len()
    }

    /// The server is gone for good, as the session's listen told.
    pub(super) fn upstream_gone(&self) -> Option<&Error> {
        self.upstream_gone.as_ref()
    }

    /// Takes one message of the client.
    pub(super) fn accept(&mut self, message: JsonRpcMessage, cx: &mut Context<'_>) {
        match message.kind() {
            Kind::Request => self.accept_request(message, cx),
            Kind::Notification if self.cancel(&message) => {}
            Kind::Notification if self.in_flight() >= 2 * self.max_in_flight => {
                tracing::warn!(
                    method = message.method(),
                    "a notification was dropped: too much is in flight"
                );
            }
            Kind::Notification => self.admit(message, cx),
            Kind::Response => self.accept_answer(message, cx),
        }
    }

    fn accept_request(&mut self, message: JsonRpcMessage, cx: &mut Context<'_>) {
        let Some(id) = message.owned_id() else { return };
        if self.ids.insert(&id, ()).is_some() {
            return self.decline(JsonRpcMessage::error_response(
                None,
                Code::INVALID_REQUEST,
                format_args!("the id {id} is in use by another request"),
            ));
        }
        if self.ids.len() > self.max_in_flight {
            self.ids.remove(&id);
            let busy = Error::busy("too many requests are in flight").into();
            return failure(&message.responder(), &busy).into_iter().for_each(|answer| self.decline(answer));
        }
        self.admit(message, cx);
    }

    /// An answer must be to a question that is open, exactly: else it could answer a later one.
    fn accept_answer(&mut self, message: JsonRpcMessage, cx: &mut Context<'_>) {
        let asked = match message.owned_id() {
            Some(id) => self.questions.remove(&id).is_some(),
            None => message.error().is_some(),
        };
        if asked {
            return self.admit(message, cx);
        }
        let why = "a response to a request that was not made";
        self.decline(JsonRpcMessage::error_response(None, Code::INVALID_REQUEST, why));
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
        self.waiting
            .retain(|waiting| waiting.kind() != Kind::Request || waiting.owned_id().as_ref() != Some(&id));
        let is_called = |slot: &Slot<_>| slot.responder.as_ref().and_then(Responder::id) == Some(&id);
        if let Some(at) = self.slots.iter().position(is_called) {
            if let Some(cancellation) = &self.slots[at].cancellation {
                cancellation.set(message.clone());
            }
            self.release(at);
        }
        true
    }

    /// Bytes of the client that are no message. It is told, with the id unless another call has it.
    pub(super) fn refuse(&mut self, bytes_are_reply: bool, error: &ParseError, cx: &mut Context<'_>) {
        tracing::debug!(%error, "a message of the client was refused");
        if !error.is_answerable() {
            return;
        }
        if let Some(id) = error.id().filter(|id| bytes_are_reply && self.questions.remove(id).is_some()) {
            let lost = JsonRpcMessage::error_response(
                Some(id),
                Code::INTERNAL_ERROR,
                "the client's answer was refused",
            );
            self.admit(lost, cx);
        }
        let id = error.id().filter(|id| !bytes_are_reply && !self.ids.contains(id));
        self.decline(JsonRpcMessage::error_response(id, error.code(), error));
    }

    /// Calls the stack now if it is ready, else in turn.
    fn admit(&mut self, message: JsonRpcMessage, cx: &mut Context<'_>) {
        let message =
            if message.context().is_some() { message } else { message.with_context(self.facts.clone()) };
        self.waiting.push_back(message);
        self.admit_waiting(cx);
    }

    /// What rides beside a message of this client.
    pub(super) fn beside(&mut self) -> Beside {
        let cancellation = self.spare.pop().unwrap_or_default();
        Beside { context: Some(self.facts.clone()), cancellation: Some(cancellation), ..Beside::default() }
    }

    fn admit_waiting(&mut self, cx: &mut Context<'_>) {
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
        let Some(message) = self.waiting.pop_front() else { return };
        if message.is_session_listen() {
            return;
        }
        if let Some(id) = message.owned_id() {
            self.ids.remove(&id);
        }
        failure(&message.responder(), error).into_iter().for_each(|answer| self.say(answer));
    }

    fn call_next(&mut self) {
        let Some(message) = self.waiting.pop_front() else { return };
        let purpose = match message.kind() {
            _ if message.is_session_listen() => Purpose::Listen,
            Kind::Request => Purpose::Answer,
            _ => Purpose::Quiet,
        };
        let responder = (purpose == Purpose::Answer).then(|| message.responder());
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::new(self.ready.waker(self.slots.len())));
            self.slots.len() - 1
        });
        self.slots[at].cancellation = message.cancellation().cloned();
        self.in_flight += usize::from(purpose != Purpose::Listen);
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

    /// Polls what was woken and moves what is ready to `take`, in the server's order.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, mut take: impl FnMut(JsonRpcMessage)) {
        self.admit_waiting(cx);
        while self.queued < ROOM {
            if self.woken.is_empty() {
                self.ready.take(&mut self.woken, cx.waker());
            }
            let Some(at) = self.woken.pop_front() else { break };
            self.poll_slot(at);
        }
        if !self.out.is_sorted_by_key(|(order, _)| *order) {
            self.out.sort_by_key(|(order, _)| *order);
        }
        self.queued = 0;
        self.out.drain(..).for_each(|(_, message)| take(message));
    }

    fn poll_slot(&mut self, at: usize) {
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
                Progress::End if self.slots[at].purpose == Purpose::Answer => {
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
        slot.order = if message.sequence() > 0 { message.sequence() } else { slot.order.max(self.order) };
        let order = slot.order;
        let (purpose, expected) = (slot.purpose, slot.responder.as_ref().and_then(Responder::id));
        let final_response = message.kind() == Kind::Response && message.id().is_some();
        match purpose {
            Purpose::Answer if final_response && message.owned_id().as_ref() != expected => {
                let error = Error::invalid("the stack answered with another id").into();
                self.fail_slot(at, &error);
                return true;
            }
            Purpose::Answer => self.say_at(order, message),
            Purpose::Listen if !final_response => self.say_at(order, message),
            Purpose::Listen | Purpose::Quiet => tracing::debug!(?message, "nobody waits for this message"),
        }
        if final_response {
            self.release(at);
        }
        final_response
    }

    /// The call is over without an answer of the stack.
    fn fail_slot(&mut self, at: usize, error: &BoxError) {
        let slot = &mut self.slots[at];
        if slot.purpose == Purpose::Listen {
            tracing::warn!(%error, "the session's listen failed");
            let closed = error.downcast_ref::<Error>().filter(|error| error.is_closed());
            self.upstream_gone = closed.cloned();
        } else if let Some(answer) = slot.responder.as_ref().and_then(|responder| failure(responder, error)) {
            let order = slot.order.max(self.order);
            self.say_at(order, answer);
        } else {
            tracing::warn!(%error, "a notification was not delivered");
        }
        self.release(at);
    }

    /// The call is over, or cancelled.
    fn release(&mut self, at: usize) {
        let slot = &mut self.slots[at];
        if let Some(id) = slot.responder.as_ref().and_then(Responder::id) {
            self.ids.remove(id);
        }
        self.in_flight -= usize::from(slot.purpose != Purpose::Listen);
        slot.clear();
        self.spare.extend(slot.cancellation.take().and_then(Cancellation::recycle));
        self.free.push(at);
    }

    /// To the client, behind what it was told so far.
    fn say(&mut self, message: JsonRpcMessage) {
        self.say_at(self.order, message);
    }

    /// The same for what the stack never saw.
    fn decline(&mut self, refusal: JsonRpcMessage) {
        if self.queued < REFUSALS {
            self.say(refusal);
        }
    }

    fn say_at(&mut self, order: u64, message: JsonRpcMessage) {
        if let Ok(Some(withdrawn)) = peek::cancelled_id(&message) {
            self.questions.remove(&withdrawn.to_owned());
        }
        if message.kind() == Kind::Request {
            if self.questions.len() >= 2 * self.max_in_flight {
                tracing::warn!("a question of the server was dropped: too many are open");
                return;
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

/// Above this many bytes that wait for the client, replies stay where they are.
const ROOM: usize = 1 << 20;
/// Above this many, a client that sends what is refused is not even told.
const REFUSALS: usize = 8 << 20;
/// Never on the wire.
const LISTEN_ID: &str = "shadowcat/listen";
