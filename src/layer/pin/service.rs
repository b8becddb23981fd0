use std::task::{Context, Poll};

use tower_service::Service;

use super::page::{Page, Unreadable, cursor_text};
use super::server::Asked;
use super::stats::add;
use super::{Pins, ResponseFuture};
use crate::layer::judged::{denied, unjudgeable};
use crate::macros::inner_accessors;
use crate::message::{Code, JsonRpcMessage, Kind, Responder};
use crate::policy::{Decision, Decisions};
use crate::protocol::{method, peek};
use crate::reply::Reply;

/// Decisions that one list leaves with its reply; the rest is counted.
const MAX_DECISIONS: usize = 64;

/// The middleware of [`PinToolsLayer`](super::PinToolsLayer).
#[derive(Clone, Debug)]
pub struct PinTools<S> {
    pub(super) inner: S,
    pub(super) pins: Pins,
}

impl<S> PinTools<S> {
    inner_accessors!();
}

impl<S> Service<JsonRpcMessage> for PinTools<S>
where
    S: Service<JsonRpcMessage, Response = Reply>,
{
    type Response = Reply;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        if let Some(refusal) = unjudgeable("pin", &message) {
            add(&self.pins.counts().unreadable, 1);
            return ResponseFuture::refused(refusal);
        }
        if message.is_method(method::TOOLS_CALL) {
            return match self.pins.judge(&message) {
                None => ResponseFuture::passed(self.inner.call(message)),
                Some(Judged::Refused(refusal)) => ResponseFuture::refused(refusal),
                Some(Judged::Reported(decision)) => {
                    ResponseFuture::then(self.inner.call(message), |mut reply| {
                        Decisions::add(&mut reply, decision);
                        reply
                    })
                }
            };
        }
        if message.kind() == Kind::Request && message.is_method(method::TOOLS_LIST) {
            let listing = Listing::of(&message, &self.pins);
            return ResponseFuture::then(self.inner.call(message), |reply| listing.judge(reply));
        }
        ResponseFuture::passed(self.inner.call(message))
    }
}

/// A call that does not simply pass.
enum Judged {
    Refused(Reply),
    Reported(Decision),
}

impl Pins {
    fn judge(&self, call: &JsonRpcMessage) -> Option<Judged> {
        let Ok(Some(tool)) = peek::tool_name(call) else {
            add(&self.counts().unreadable, 1);
            let refusal = Reply::refuse(call, Code::INVALID_PARAMS, "The call names no tool");
            let decision = Decision::deny("pin").rule("unjudgeable").reason("the call names no tool");
            return Some(Judged::Refused(denied(refusal, decision)));
        };
        let decision = self.call(&self.server_of(call), &tool)?;
        if self.only_reports() {
            add(&self.counts().reported, 1);
            return Some(Judged::Reported(decision));
        }
        add(&self.counts().refused, 1);
        let refusal = Reply::refuse(call, Code::INVALID_PARAMS, format_args!("Unknown tool: {tool}"));
        Some(Judged::Refused(denied(refusal, decision)))
    }
}

/// A request for a list, until it is answered.
struct Listing {
    pins: Pins,
    server: String,
    asked: Asked,
    responder: Responder,
}

impl Listing {
    fn of(request: &JsonRpcMessage, pins: &Pins) -> Self {
        let cursor = peek::member(request.params().unwrap_or_default(), "cursor");
        let asked = match cursor {
            Ok(None | Some(b"null")) => Asked::First,
            Ok(Some(cursor)) => Asked::Next(cursor_text(cursor)),
            Err(_) => Asked::Unknown,
        };
        let server = pins.server_of(request);
        Self { pins: pins.clone(), server, asked, responder: request.responder() }
    }

    /// Decisions are left with a reply that is there; one that comes later has gone on by then.
    fn judge(self, reply: Reply) -> Reply {
        let Some(answer) = reply.as_one().cloned() else {
            return reply.map(move |message| self.answer(message).0);
        };
        let (answer, decisions) = self.answer(answer);
        let mut answer = Some(answer);
        let mut reply = reply.map(move |before| answer.take().unwrap_or(before));
        decisions.into_iter().for_each(|decision| Decisions::add(&mut reply, decision));
        reply
    }

    fn answer(&self, message: JsonRpcMessage) -> (JsonRpcMessage, Vec<Decision>) {
        if message.kind() != Kind::Response {
            return (message, Vec::new());
        }
        let judged = Page::read(&message).and_then(|page| match page {
            Some(page) => self.page(message.clone(), &page),
            None => Ok((message.clone(), Vec::new())),
        });
        judged.unwrap_or_else(|Unreadable(why)| {
            add(&self.pins.counts().unreadable, 1);
            tracing::warn!(server = self.server, why, "a list of tools was refused");
            let text = "The server's list of tools was not acceptable";
            let refusal = self.responder.refusal(Code::INTERNAL_ERROR, text);
            (refusal.unwrap_or(message), vec![Decision::deny("pin").rule("unreadable").reason(why)])
        })
    }

    fn page(
        &self,
        message: JsonRpcMessage,
        page: &Page,
    ) -> Result<(JsonRpcMessage, Vec<Decision>), Unreadable> {
        let judged = self.pins.page(&self.server, &self.asked, page);
        let is_kept: Vec<_> = judged.iter().map(Option::is_none).collect();
        let decisions: Vec<_> = judged.into_iter().flatten().collect();
        let (count, counts) = (decisions.len(), self.pins.counts());
        let decisions = decisions.into_iter().take(MAX_DECISIONS).collect();
        if count == 0 || self.pins.only_reports() {
            add(&counts.reported, count);
            return Ok((message, decisions));
        }
        add(&counts.hidden, count);
        Ok((page.without(message, &is_kept)?, decisions))
    }
}
