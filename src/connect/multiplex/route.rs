//! From the wire to whom it concerns.

use std::task::Waker;

use super::rewrite;
use super::state::{Listen, State};
use super::table::{CallKind, Phase};
use crate::error::Error;
use crate::message::{Code, JsonRpcMessage, Kind, OwnedId, ParseError, looks_like_reply, salvage_id};
use crate::protocol::{method, peek};
use crate::reply::{Reply, TrySendError};

impl State {
    /// Brings one message of the server to its reader.
    pub(super) fn route(&mut self, message: JsonRpcMessage, wakers: &mut Vec<Waker>) {
        match message.kind() {
            Kind::Response => self.route_response(message, wakers),
            Kind::Notification => self.route_notification(message, wakers),
            Kind::Request => self.route_question(message, wakers),
        }
    }

    /// A reply settles the pending call of exactly its id; an error without an id settles nothing.
    fn route_response(&mut self, message: JsonRpcMessage, wakers: &mut Vec<Waker>) {
        let Some(id) = message.owned_id() else { return self.say_unasked(message) };
        let room = self.options.max_undelivered.saturating_sub(self.undelivered);
        let Some(call) = self.table.settle(&id) else {
            self.stats.unmatched_replies += 1;
            tracing::debug!(%id, "a reply that matches no pending call was dropped");
            return;
        };
        let message = rewrite::restore(call, message);
        call.phase = match std::mem::replace(&mut call.phase, Phase::Waiting) {
            Phase::Waiting if message.bytes().len() > room => {
                self.stats.overflows += 1;
                Phase::Ready(Err(Error::overflow("too many replies wait to be taken")), None)
            }
            Phase::Waiting => {
                self.undelivered += message.bytes().len();
                Phase::Ready(Ok(Reply::one(message)), None)
            }
            Phase::Ready(reply, sender) => {
                if let Some(sender) = sender {
                    sender.finish(message);
                }
                Phase::Ready(reply, None)
            }
            Phase::Streaming(sender) => {
                sender.finish(message);
                Phase::Waiting
            }
        };
        wakers.extend(call.waker.take());
    }

    fn route_notification(&mut self, message: JsonRpcMessage, wakers: &mut Vec<Waker>) {
        let named = match message.method() {
            Some(method::PROGRESS) => peek::progress_token(&message),
            Some(method::CANCELLED) => peek::cancelled_id(&message),
            _ => peek::subscription_id(&message),
        };
        let named = named.ok().flatten().map(|id| id.to_owned());
        let is_cancel = message.is_method(method::CANCELLED);
        if is_cancel && named.as_ref().is_some_and(|id| self.questions.remove(id).is_some()) {
            return self.say_unasked(message);
        }
        let live = match message.method() {
            Some(method::PROGRESS) => named.as_ref().and_then(|token| self.table.by_token(token)),
            _ => {
                named.as_ref().and_then(|id| self.table.by_id(id)).filter(|slot| self.table.is_listen(*slot))
            }
        };
        // What a cancellation names may be the server's own, so that it is nobody's late word.
        if live.is_none() && !is_cancel && named.is_some_and(|id| self.table.is_quarantined(&id)) {
            self.stats.dropped_notifications += 1;
            return;
        }
        let is_log = message.is_method(method::LOG);
        match live.or_else(|| self.table.only_running().filter(|_| is_log)) {
            Some(slot) => self.say_to(slot, message, wakers),
            None => self.say_unasked(message),
        }
    }

    /// A request of the server itself.
    fn route_question(&mut self, message: JsonRpcMessage, wakers: &mut Vec<Waker>) {
        let Some(id) = message.owned_id() else { return };
        if self.questions.len() >= self.options.max_pending {
            return self.refuse(&message);
        }
        self.questions.insert(&id, ());
        match self.table.only_running() {
            Some(slot) => self.say_to(slot, message, wakers),
            None => self.say_unasked(message),
        }
    }

    /// An item of a call's reply; the first one turns the reply into a stream.
    fn say_to(&mut self, slot: u32, message: JsonRpcMessage, wakers: &mut Vec<Waker>) {
        let queue = (self.options.queue_messages, self.options.queue_bytes);
        let Some(call) = self.table.at(slot) else { return };
        let message = rewrite::restore(call, message);
        if let Phase::Waiting = call.phase {
            let (sender, reply) = Reply::channel_of(queue.0, queue.1);
            call.phase = Phase::Ready(Ok(reply), Some(sender));
            wakers.extend(call.waker.take());
        }
        let (Phase::Ready(_, Some(sender)) | Phase::Streaming(sender)) = &call.phase else { return };
        match sender.try_send(message) {
            Ok(()) => {}
            // Its reader is gone, and its guard is about to cancel the call.
            Err(TrySendError::Cancelled(message)) => self.drop_unasked(&message),
            Err(TrySendError::Full(message)) => {
                let (id, token, kind) = (call.id.clone(), call.token.clone(), call.kind);
                self.stats.overflows += 1;
                self.drop_unasked(&message);
                self.fail_call(&id, Error::overflow("the reply's reader is too slow"), wakers);
                if kind != CallKind::Initialize {
                    self.write(&rewrite::cancel(&id, None));
                }
                self.table.quarantine(id, token);
            }
        }
    }

    /// An item of the session's listen.
    fn say_unasked(&mut self, message: JsonRpcMessage) {
        match &mut self.listen {
            Listen::Open(sender) => match sender.try_send(message) {
                Ok(()) => {}
                Err(TrySendError::Cancelled(message)) => {
                    self.listen = Listen::Gone;
                    self.drop_unasked(&message);
                }
                Err(TrySendError::Full(message)) => {
                    self.stats.overflows += 1;
                    if let Listen::Open(sender) = std::mem::replace(&mut self.listen, Listen::Gone) {
                        sender.fail(Error::overflow("the session's listener is too slow"));
                    }
                    self.drop_unasked(&message);
                }
            },
            Listen::NotYet(early) if early.len() < self.options.early_messages => early.push_back(message),
            Listen::NotYet(_) | Listen::Gone => self.drop_unasked(&message),
        }
    }

    /// Nobody takes it: counted, and a question is answered so that the server does not hang.
    fn drop_unasked(&mut self, message: &JsonRpcMessage) {
        match message.kind() {
            Kind::Request => self.refuse(message),
            _ => {
                self.stats.dropped_notifications += 1;
                tracing::debug!(method = message.method(), "a message that nobody listens for was dropped");
            }
        }
    }

    fn refuse(&mut self, question: &JsonRpcMessage) {
        let Some(id) = question.owned_id() else { return };
        self.questions.remove(&id);
        tracing::warn!(
            method = question.method(),
            "a question of the server was refused: nobody can answer it"
        );
        self.write_refusal(&id, Code::INTERNAL_ERROR, "nobody is there to answer");
    }

    /// A server that asks and never reads is not told without bound.
    fn write_refusal(&mut self, id: &OwnedId, code: Code, why: &str) {
        self.stats.unanswerable_requests += 1;
        if !self.has_room_for_answers() {
            self.stats.lost_refusals += 1;
            return;
        }
        self.write(&JsonRpcMessage::error_response(Some(id), code, why));
    }

    /// A line that is no acceptable message. If it is a reply to a pending call, that call fails at once; if it
    /// is a question, the server is told.
    pub(super) fn unreadable(&mut self, line: &[u8], error: &ParseError, wakers: &mut Vec<Waker>) {
        self.stats.unreadable_lines += 1;
        tracing::debug!(%error, bytes = line.len(), "a line of the server was no acceptable message and was skipped");
        let id = error.id().cloned().or_else(|| salvage_id(line, &self.options.scan));
        let Some(id) = id else { return };
        if looks_like_reply(line) {
            let error = Error::invalid(format_args!("the server's reply was refused: {error}"));
            self.fail_call(&id, error, wakers);
        } else if has_method(line) {
            self.write_refusal(&id, Code::INVALID_REQUEST, "the request was not acceptable");
        }
    }
}

/// Whether refused bytes were meant as a request; only decides whether the server is told.
fn has_method(line: &[u8]) -> bool {
    memchr::memmem::find(line, b"\"method\"").is_some()
}
