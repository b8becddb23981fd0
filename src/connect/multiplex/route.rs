//! From the wire to whom it concerns.

use std::task::Waker;

use super::questions::Asked;
use super::rewrite;
use super::state::State;
use super::table::{CallKind, Phase};
use crate::error::Error;
use crate::message::{Code, JsonRpcMessage, Kind, OwnedId, ParseError, looks_like_reply, salvage_id};
use crate::protocol::{Era, ProtocolVersion, method, peek};
use crate::reply::Reply;

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
        self.settle(&id, message, wakers);
    }

    /// The last that the server says to a call.
    fn settle(&mut self, id: &OwnedId, message: JsonRpcMessage, wakers: &mut Vec<Waker>) {
        let room = self.options.max_undelivered.saturating_sub(self.undelivered);
        let Some(call) = self.table.settle(id) else {
            self.stats.unmatched_replies += 1;
            tracing::debug!(%id, "a reply that matches no pending call was dropped");
            return;
        };
        let is_own = call.own.take().is_some_and(|own| own == message.bytes());
        let message = if is_own { message.synthetic() } else { message };
        let message = rewrite::restore(call, message);
        if call.kind == CallKind::Initialize {
            self.has_batches = peek::agreed_version(&message).is_some_and(ProtocolVersion::has_batches);
        }
        call.phase = match std::mem::replace(&mut call.phase, Phase::Waiting) {
            Phase::Waiting if message.bytes().len() > room => {
                self.stats.overflows += 1;
                Phase::Ready(Err(Error::overflow("too many replies wait to be taken")))
            }
            Phase::Waiting => {
                self.undelivered += message.bytes().len();
                Phase::Ready(Ok(Reply::one(message)))
            }
            Phase::Streaming(sender) => {
                self.stats.overflows += u64::from(!sender.finish(message, self.options.max_undelivered));
                Phase::Waiting
            }
            Phase::Opened(mut opened) => {
                if let Some(sender) = opened.1.take() {
                    self.stats.overflows += u64::from(!sender.finish(message, self.options.max_undelivered));
                }
                Phase::Opened(opened)
            }
            settled => settled,
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
        if is_cancel && let Some(asked) = named.as_ref().and_then(|id| self.questions.remove(id)) {
            return match asked {
                Asked::Call(ticket) if self.table.is_pending(ticket) => {
                    self.say_to(ticket.slot, message, wakers)
                }
                _ => self.say_unasked(message),
            };
        }
        let live = match message.method() {
            Some(method::PROGRESS) => named.as_ref().and_then(|token| self.table.by_token(token)),
            _ => {
                named.as_ref().and_then(|id| self.table.by_id(id)).filter(|slot| self.table.is_listen(*slot))
            }
        };
        if is_cancel && let (Some(_), Some(id)) = (live, &named) {
            // So a server ends a client's listen (2026-07-28 basic/patterns/cancellation).
            return self.settle(id, message, wakers);
        }
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
        if self.era == Some(Era::Modern) {
            // They make none, and an answer of ours could pass for the user's (2026-07-28 basic/transports/stdio).
            self.stats.dropped_requests += 1;
            return tracing::warn!(method = message.method(), "a request of a modern server was dropped");
        }
        if !self.open_question(&message) {
            return self.refuse(&message);
        }
        match self.table.only_running() {
            Some(slot) => self.say_to(slot, message, wakers),
            None => self.say_unasked(message),
        }
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
        } else if has_method(line) && self.era != Some(Era::Modern) {
            self.write_refusal(&id, Code::INVALID_REQUEST, "the request was not acceptable");
        }
    }
}

/// Whether refused bytes were meant as a request; only decides whether the server is told.
fn has_method(line: &[u8]) -> bool {
    memchr::memmem::find(line, b"\"method\"").is_some()
}
