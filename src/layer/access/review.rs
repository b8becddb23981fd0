//! What the server says, judged.

use super::handle::Access;
use super::list::{Filtered, List};
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
                Judged::Pass(_) if message.kind() != Kind::Notification => None,
                Judged::Pass(_) => {
                    let asked = self.questions(&policy, &who, message.params().unwrap_or_default());
                    asked.err().filter(|_| !policy.is_dry_run()).map(Some)
                }
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
            Some(why) => message.responder().refusal(refusal::code(why), refusal::text(why)),
            None => message.responder().refusal(Code::METHOD_NOT_FOUND, "Method not found"),
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
        match self.result(policy, request, name, result) {
            Ok(None) => Reviewed::Pass(message),
            Ok(Some(result)) => match message.clone().edit().result(result).finish() {
                Ok(message) => Reviewed::Pass(message),
                Err(_) => self.unjudged(policy, message, Malformed::Name),
            },
            Err(why) => self.unjudged(policy, message, why),
        }
    }

    /// The result of `method`, if it becomes another.
    fn result(
        &self,
        policy: &Policy,
        request: &JsonRpcMessage,
        method: &str,
        result: &[u8],
    ) -> Result<Option<Vec<u8>>, Malformed> {
        let party = Party::of(request, None);
        let who = who(policy, &party);
        self.questions(policy, &who, result)?;
        match List::of(method) {
            Some(list) => self.list(policy, &who, list, result),
            // What one may read is not for a cache that others ask.
            None if method == method::RESOURCES_READ && policy.is_personal() && !policy.is_dry_run() => {
                check_keys(result, &["cacheScope"])?;
                Ok(Filtered::default().result(result, true))
            }
            None => Ok(None),
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
    fn list(
        &self,
        policy: &Policy,
        who: &Who<'_>,
        list: List,
        result: &[u8],
    ) -> Result<Option<Vec<u8>>, Malformed> {
        let owners = |tool: &str| self.access.owner_of(tool);
        let filtered =
            list.filter(result, |subject| policy.decide(&policy.owned(subject, &owners), who, None))?;
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

    /// What a server asks inside of a result or of a notification: all of it has to be allowed, since no answer can
    /// tell of a denial (2026-07-28 basic/patterns/mrtr). Extensions ask in results of their own, so any is looked at.
    fn questions(&self, policy: &Policy, who: &Who<'_>, says: &[u8]) -> Result<(), Malformed> {
        if !policy.may_deny_questions() || !says.starts_with(b"{") {
            return Ok(());
        }
        check_keys(says, &["inputRequests", "resultType"])?;
        let asked = peek::member(says, "inputRequests").map_err(|_| Malformed::Key)?;
        let Some(asked) = asked.filter(|asked| *asked != b"null") else { return Ok(()) };
        if !asked.starts_with(b"{") {
            return Err(Malformed::Name);
        }
        for question in members(asked) {
            if !matches!(policy.judge_question(question.value, who), Judged::Pass(_)) {
                add(&self.access.0.counts.refused_questions);
                return Err(Malformed::Method);
            }
        }
        Ok(())
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
            request.and_then(|it| it.refusal(Code::INTERNAL_ERROR, "The server's reply was not acceptable"));
        error.map_or(Reviewed::Drop, Reviewed::Pass)
    }
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
