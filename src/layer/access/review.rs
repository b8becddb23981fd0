//! What the server says, judged.

use super::handle::Access;
use super::list::List;
use super::refusal;
use super::stats::{add, add_many};
use crate::message::{Code, Direction, JsonRpcMessage, Kind, members};
use crate::policy::{Decision, Judged, Malformed, Policy, Verdict, Who, check_keys};
use crate::protocol::{method, peek};
use crate::session::Party;

/// A message of the server, as it goes on.
#[derive(Debug)]
pub(super) enum Reviewed {
    Pass(JsonRpcMessage),
    /// It is kept from the client.
    Drop,
    /// And the server gets this.
    Answer(JsonRpcMessage),
}

/// What a call's reply is judged by.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) access: Access,
    /// None, where it was no request.
    pub(super) request: Option<JsonRpcMessage>,
}

impl Exchange {
    pub(super) fn review(&self, message: JsonRpcMessage) -> Reviewed {
        let policy = self.access.current();
        if message.kind() == Kind::Response {
            return self.response(&policy, message);
        }
        let judged = {
            let party = Party::of(&message, self.request.as_ref());
            let who = who(&policy, &party);
            match policy.judge(&message, Direction::ToClient, &who, &|tool| self.access.owner_of(tool)) {
                Judged::Pass(_) => None,
                Judged::Denied(..) => Some(None),
                Judged::Malformed(_, why) => Some(Some(why)),
            }
        };
        match judged {
            None => Reviewed::Pass(message),
            Some(why) => self.refuse(&message, why),
        }
    }

    /// A question or a notification of the server.
    fn refuse(&self, message: &JsonRpcMessage, malformed: Option<Malformed>) -> Reviewed {
        let counts = &self.access.0.counts;
        tracing::debug!(method = message.method(), "a server's message is kept from the client");
        if malformed.is_some() {
            add(&counts.malformed);
        }
        let error = match malformed {
            Some(why) => message.responder().error(refusal::code(why), refusal::text(why)),
            None => message.responder().error(Code::METHOD_NOT_FOUND, "Method not found"),
        };
        let Some(error) = error else {
            add(&counts.dropped);
            return Reviewed::Drop;
        };
        add(&counts.refused_questions);
        let context = message.context().or_else(|| self.request.as_ref()?.context()).cloned();
        Reviewed::Answer(match context {
            Some(context) => error.with_context(context),
            None => error,
        })
    }

    /// An error that answers nobody settles nothing, and passes. Any other response is the request's own, or none that
    /// can be judged.
    fn response(&self, policy: &Policy, message: JsonRpcMessage) -> Reviewed {
        let (Some(request), Some(id)) = (&self.request, message.id()) else { return self.stray(message) };
        if request.id() != Some(id) {
            return self.unjudged(policy, message, Malformed::Name);
        }
        if !message.is_strict() {
            return self.unjudged(policy, message, Malformed::NotStrict);
        }
        let Some(result) = message.result() else { return Reviewed::Pass(message) };
        let name = request.method().unwrap_or_default();
        let judged = match List::of(name) {
            Some(list) => self.list(policy, list, result),
            None if policy.may_deny_questions() && may_ask(name) => self.questions(policy, result),
            None => return Reviewed::Pass(message),
        };
        match judged {
            Ok(None) => Reviewed::Pass(message),
            Ok(Some(result)) => match message.clone().edit().result(result).finish() {
                Ok(message) => Reviewed::Pass(message),
                Err(_) => self.unjudged(policy, message, Malformed::Name),
            },
            Err(why) => self.unjudged(policy, message, why),
        }
    }

    /// What comes where no response is due, or has no id.
    fn stray(&self, message: JsonRpcMessage) -> Reviewed {
        match message.error().filter(|_| message.is_strict() && message.id().is_none()) {
            Some(_) => Reviewed::Pass(message),
            None => {
                add(&self.access.0.counts.dropped);
                Reviewed::Drop
            }
        }
    }

    /// The result of a list, if it becomes another.
    fn list(&self, policy: &Policy, list: List, result: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
        let request = self.request.as_ref().ok_or(Malformed::Name)?;
        let party = Party::of(request, None);
        let who = who(policy, &party);
        let owners = |tool: &str| self.access.owner_of(tool);
        let filtered =
            list.filter(result, |subject| policy.decide(&policy.owned(subject, &owners), &who, None))?;
        let counts = &self.access.0.counts;
        add_many(&counts.hidden, filtered.hidden);
        add_many(&counts.would_hide, filtered.would_hide);
        if filtered.hidden + filtered.would_hide > 0 {
            tracing::debug!(
                hidden = filtered.hidden,
                would_hide = filtered.would_hide,
                "a list was filtered"
            );
        }
        Ok(filtered.result(result, policy.is_personal() && !policy.is_dry_run()))
    }

    /// What a server asks inside of a result: all of it has to be allowed, since no answer can tell of a denial
    /// (2026-07-28 basic/patterns/mrtr).
    fn questions(&self, policy: &Policy, result: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
        check_keys(result, &["inputRequests", "resultType"])?;
        let asked = peek::member(result, "inputRequests").map_err(|_| Malformed::Key)?;
        let Some(asked) = asked.filter(|asked| *asked != b"null") else { return Ok(None) };
        if !asked.starts_with(b"{") {
            return Err(Malformed::Name);
        }
        let request = self.request.as_ref().ok_or(Malformed::Name)?;
        let party = Party::of(request, None);
        let who = who(policy, &party);
        for question in members(asked) {
            if !matches!(policy.judge_question(question.value, &who), Judged::Pass(_)) {
                add(&self.access.0.counts.refused_questions);
                return Err(Malformed::Method);
            }
        }
        Ok(None)
    }

    /// The client gets one error in the place of what cannot be judged, by the id that it sent.
    fn unjudged(&self, policy: &Policy, message: JsonRpcMessage, why: Malformed) -> Reviewed {
        tracing::warn!(%why, dry_run = policy.is_dry_run(), "a server's result is not acceptable");
        add(&self.access.0.counts.refused_results);
        if policy.is_dry_run() {
            return Reviewed::Pass(message);
        }
        let request = self.request.as_ref().map(JsonRpcMessage::responder);
        let error =
            request.and_then(|it| it.error(Code::INTERNAL_ERROR, "The server's reply was not acceptable"));
        error.map_or(Reviewed::Drop, Reviewed::Pass)
    }
}

/// Methods whose results may ask (2026-07-28 basic/patterns/mrtr).
fn may_ask(name: &str) -> bool {
    matches!(name, method::TOOLS_CALL | method::PROMPTS_GET | method::RESOURCES_READ)
}

/// As much as the policy asks for.
pub(super) fn who<'a>(policy: &Policy, party: &Party<'a>) -> Who<'a> {
    match (policy.is_personal(), policy.asks_for_clients()) {
        (false, _) => Who::anybody(),
        (true, false) => Who::without_client(party),
        (true, true) => Who::of(party),
    }
}

/// Whether the message would have been denied.
pub(super) fn would_deny(decision: &Decision) -> bool {
    decision.verdict() == Verdict::Deny
}
