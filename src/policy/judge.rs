//! What a policy makes of a whole message.

use super::policy::ACCESS;
use super::things::{Malformed, Things, check_keys, text, things};
use super::{Decision, Owner, Policy, Subject, Verdict, Who};
use crate::message::{Direction, JsonRpcMessage, members};
use crate::protocol::{method, peek};
use crate::rules::Seen;

/// Finds the component of a tool.
pub(crate) type Owners<'a> = &'a dyn Fn(&str) -> Owner<'static>;

/// What becomes of a message.
#[derive(Debug)]
pub(crate) enum Judged<'m> {
    /// It goes on; the decision may tell that it would have been denied.
    Pass(Decision),
    /// It does not, because of this.
    Denied(Decision, Subject<'m>),
    /// It does not, because it cannot be judged.
    Malformed(Decision, Malformed),
}

/// Methods that a policy which denies by default allows: what they name is judged, or they only open, keep and close a
/// session.
const BASIC: [&str; 27] = [
    method::INITIALIZE,
    method::INITIALIZED,
    method::DISCOVER,
    method::LISTEN,
    method::ACKNOWLEDGED,
    method::PING,
    method::TOOLS_LIST,
    method::TOOLS_CALL,
    method::TOOLS_LIST_CHANGED,
    method::PROMPTS_LIST,
    method::PROMPTS_GET,
    method::RESOURCES_LIST,
    method::RESOURCES_TEMPLATES_LIST,
    method::RESOURCES_READ,
    method::RESOURCES_SUBSCRIBE,
    method::RESOURCES_UNSUBSCRIBE,
    method::RESOURCES_UPDATED,
    method::COMPLETE,
    method::SET_LEVEL,
    method::LOG,
    method::PROGRESS,
    method::CANCELLED,
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
    "notifications/roots/list_changed",
    "notifications/elicitation/complete",
    "notifications/tasks/status",
];

impl Policy {
    /// A request or a notification of either side.
    pub(crate) fn judge<'m>(
        &self,
        message: &'m JsonRpcMessage,
        direction: Direction,
        who: &Who<'_>,
        owners: Owners<'_>,
    ) -> Judged<'m> {
        self.judge_seen(message, direction, owners, &mut |default, subject, seen| {
            self.decide_by(default, subject, who, seen)
        })
    }

    /// The same, by a function that decides about each thing.
    pub(super) fn judge_seen<'m>(
        &self,
        message: &'m JsonRpcMessage,
        direction: Direction,
        owners: Owners<'_>,
        decide: &mut impl FnMut(Verdict, &Subject<'_>, Option<&Seen<'_>>) -> Decision,
    ) -> Judged<'m> {
        let Some(name) = message.method() else { return Judged::Pass(Decision::allow(ACCESS)) };
        if !message.is_strict() {
            return self.malformed(Malformed::NotStrict);
        }
        let things = match things(message, name) {
            Ok(things) => things,
            Err(malformed) => return self.malformed(malformed),
        };
        let seen = Seen::new(message, direction);
        let method = Subject::method(name);
        let default = self.default_of(name);
        let mut decision = decide(default, &method, Some(&seen));
        if decision.refuses() {
            return Judged::Denied(decision, method);
        }
        let (one, many) = match things {
            Things::None => (None, Vec::new()),
            Things::One(subject) => (Some(self.owned(subject, owners)), Vec::new()),
            Things::Many(subjects) => (None, subjects),
        };
        for subject in one.into_iter().chain(many) {
            match settled(decision, decide(self.default_verdict(), &subject, Some(&seen)), subject) {
                Judged::Pass(so_far) => decision = so_far,
                refused => return refused,
            }
        }
        match message.params().filter(|_| self.may_deny_questions()) {
            Some(params) => self.answers(params, decision, decide),
            None => Judged::Pass(decision),
        }
    }

    /// What cannot be judged is not let pass.
    pub(crate) fn malformed<'m>(&self, why: Malformed) -> Judged<'m> {
        let decision = Decision::deny(ACCESS).reason(why.to_string());
        if self.is_dry_run() {
            return Judged::Pass(decision.dry_run());
        }
        Judged::Malformed(decision, why)
    }

    /// With the component that it is of, where a rule may ask for it.
    pub(crate) fn owned<'a>(&self, subject: Subject<'a>, owners: Owners<'_>) -> Subject<'a> {
        if !self.asks_for_components() || subject.kind() != super::SubjectKind::Tool {
            return subject;
        }
        let owner = owners(subject.name());
        subject.owner(owner)
    }

    fn default_of(&self, method: &str) -> Verdict {
        match self.default_verdict() {
            Verdict::Deny if !BASIC.contains(&method) => Verdict::Deny,
            _ => Verdict::Allow,
        }
    }

    /// What a method of a server's question inside of a result may be (2026-07-28 basic/patterns/mrtr).
    pub(crate) fn judge_question<'m>(&self, question: &'m [u8], who: &Who<'_>) -> Judged<'m> {
        let method = check_keys(question, &["method", "params"]).and_then(|()| text(question, "method"));
        let method = match method {
            Ok(method) if method::ALL.contains(&&*method) => Subject::method(method),
            Ok(method) if crate::message::is_confusable(&method, &method::ALL) => {
                return self.malformed(Malformed::Method);
            }
            Ok(method) => Subject::method(method),
            Err(malformed) => return self.malformed(malformed),
        };
        let decision = self.decide_by(self.default_of(method.name()), &method, who, None);
        settled(Decision::allow(ACCESS), decision, method)
    }

    /// A client that sends a call again answers what the server asked: that is judged by what it answers.
    fn answers<'m>(
        &self,
        params: &'m [u8],
        so_far: Decision,
        decide: &mut impl FnMut(Verdict, &Subject<'_>, Option<&Seen<'_>>) -> Decision,
    ) -> Judged<'m> {
        let answers = match answers_in(params) {
            Ok(answers) => answers,
            Err(malformed) => return self.malformed(malformed),
        };
        let mut decision = so_far;
        for method in answers {
            let subject = Subject::method(method);
            let decided = decide(self.default_of(method), &subject, None);
            match settled(decision, decided, subject) {
                Judged::Pass(so_far) => decision = so_far,
                refused => return refused,
            }
        }
        Judged::Pass(decision)
    }
}

/// The questions that parameters answer, each once.
fn answers_in(params: &[u8]) -> Result<Vec<&'static str>, Malformed> {
    check_keys(params, &["inputResponses"])?;
    let answers = peek::member(params, "inputResponses").map_err(|_| Malformed::Key)?;
    let Some(answers) = answers.filter(|answers| *answers != b"null") else { return Ok(Vec::new()) };
    if !answers.starts_with(b"{") {
        return Err(Malformed::Name);
    }
    let mut found = [false; ANSWERS.len()];
    for answer in members(answers) {
        check_keys(answer.value, &ANSWERS.map(|(key, _)| key))?;
        let has = ANSWERS.map(|(key, _)| members(answer.value).any(|member| member.is(key)));
        if has == [false; ANSWERS.len()] {
            return Err(Malformed::Name);
        }
        found.iter_mut().zip(has).for_each(|(found, has)| *found |= has);
    }
    Ok(ANSWERS.into_iter().zip(found).filter_map(|((_, method), found)| found.then_some(method)).collect())
}

/// What an answer to a question has, and which question. An answer that has more of these may be taken for each.
const ANSWERS: [(&str, &str); 3] =
    [("action", method::ELICIT), ("roots", method::ROOTS_LIST), ("model", method::CREATE_MESSAGE)];

/// The first denial counts; then the first that would have been one.
fn settled<'m>(so_far: Decision, decided: Decision, subject: Subject<'m>) -> Judged<'m> {
    if decided.refuses() {
        return Judged::Denied(decided, subject);
    }
    Judged::Pass(if so_far.verdict() == Verdict::Deny { so_far } else { decided })
}
