//! One message of the client and its reply, as it is written down.

use tokio::time::Instant;

use crate::audit::{Outcome, Permit, Record, Writer};
use crate::layer::tap::{self, Ending};
use crate::message::{JsonRpcMessage, Kind};
use crate::policy::{Decision, Decisions, Verdict};
use crate::protocol::{method, peek};
use crate::reply::Reply;
use crate::session::Party;

pub(super) struct Exchange {
    log: Writer,
    /// Of the message itself; none for a front end's own listen. With its room in the log.
    own: Option<(Record, Permit)>,
    /// Kept for what belongs to no call: who it is for.
    listen: Option<JsonRpcMessage>,
    since: Instant,
    is_request: bool,
    answered: Option<Outcome>,
}

impl Exchange {
    pub(super) fn new(log: &Writer, message: &JsonRpcMessage, permit: Option<Permit>) -> Self {
        Self {
            own: permit.map(|permit| (asked(log, message), permit)),
            listen: message.is_listen().then(|| message.clone().detach()),
            log: log.clone(),
            since: Instant::now(),
            is_request: message.kind() == Kind::Request,
            answered: None,
        }
    }

    /// What the server says of its own accord.
    fn said(&self, kind: &'static str, message: &JsonRpcMessage) {
        let mut record = about(kind, message, self.listen.as_ref());
        record.name("from", Some("server"));
        self.log.record(record);
    }

    fn is_refused(&self) -> bool {
        let denies = |decision: &Decision| decision.verdict() == Verdict::Deny && decision.is_enforced();
        self.own.as_ref().is_some_and(|(record, _)| record.decisions.iter().any(denies))
    }

    fn outcome(&mut self, how: &Ending<'_>) -> Outcome {
        match (self.answered.take(), how) {
            (Some(Outcome::Error(code)), _) if self.is_refused() => Outcome::Refused(code),
            (Some(answered), _) => answered,
            (None, Ending::Failed(_)) => Outcome::Failed,
            (None, Ending::Cancelled) => Outcome::Cancelled,
            (None, Ending::Complete) if self.is_request || self.is_refused() => Outcome::Dropped,
            (None, Ending::Complete) => Outcome::Ok,
        }
    }
}

impl tap::Exchange for Exchange {
    fn replied(&mut self, reply: &Reply) {
        if let Some((record, _)) = &mut self.own {
            record.decisions = Decisions::of(reply).to_vec();
        }
    }

    fn received(&mut self, message: &JsonRpcMessage) {
        let is_answer = message.kind() == Kind::Response && message.id().is_some();
        if is_answer {
            self.answered = Some(answer(message));
            return;
        }
        match &mut self.own {
            Some((record, _)) if self.listen.is_none() => record.messages += 1,
            _ if message.kind() == Kind::Notification => self.said("notification", message),
            _ => {}
        }
        if message.kind() == Kind::Request {
            self.said("question", message);
        }
    }

    fn ended(&mut self, how: Ending<'_>) {
        let outcome = self.outcome(&how);
        let Some((mut record, permit)) = self.own.take() else { return };
        record.outcome = Some(outcome);
        record.duration = self.is_request.then(|| self.since.elapsed());
        self.log.record_admitted(record, permit);
    }
}

fn asked(log: &Writer, message: &JsonRpcMessage) -> Record {
    let kind = match message.kind() {
        Kind::Request => "call",
        Kind::Notification => "notification",
        Kind::Response => "answer",
    };
    let mut record = about(kind, message, None);
    let arguments = peek::member(message.params().unwrap_or_default(), "arguments").ok().flatten();
    match (message.kind(), arguments, message.params()) {
        // Arguments that stand twice are digested with all that stands around them.
        (Kind::Request, Some(raw), _) | (Kind::Request, None, Some(raw)) => log.digest(&mut record, raw),
        _ => {}
    }
    record
}

/// Who says what to whom.
fn about(kind: &'static str, message: &JsonRpcMessage, request: Option<&JsonRpcMessage>) -> Record {
    let mut record = Record::new(kind);
    let party = Party::of(message, request);
    record.name("principal", party.principal());
    record.name("session", party.session_id());
    record.name("client", party.client().as_deref());
    record.name("upstream", party.upstream());
    record.name("method", message.method());
    let (label, name) = match message.method() {
        Some(method::TOOLS_CALL) => ("tool", peek::tool_name(message)),
        Some(method::PROMPTS_GET) => ("prompt", peek::prompt_name(message)),
        Some(_) => ("uri", peek::resource_uri(message)),
        None => ("uri", Ok(None)),
    };
    match name {
        Ok(name) => record.name(label, name.as_deref()),
        // Peers may disagree about what it is.
        Err(unreadable) => record.name("unreadable", Some(&unreadable.to_string())),
    }
    record.name("id", message.id().map(|id| id.to_string()).as_deref());
    record.is_odd = !message.is_strict();
    record
}

fn answer(message: &JsonRpcMessage) -> Outcome {
    let is = |json: &[u8], key, value: &[u8]| peek::member(json, key) == Ok(Some(value));
    match (message.error(), message.result()) {
        (Some(error), _) => Outcome::Error(code(error)),
        (None, Some(result)) if is(result, "isError", b"true") => Outcome::ToolError,
        (None, _) => Outcome::Ok,
    }
}

fn code(error: &[u8]) -> i64 {
    let code = peek::member(error, "code").ok().flatten();
    code.and_then(|code| std::str::from_utf8(code).ok()?.parse().ok()).unwrap_or(0)
}
