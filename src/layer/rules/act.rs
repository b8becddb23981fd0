//! What a rule's action comes to.

use std::time::Duration;

use serde_json::Value;

use super::facts::Facts;
use super::stats::add;
use super::{Rules, Tags};
use crate::error::BoxError;
use crate::layer::intercept::{self, Block, Interception};
use crate::message::{Code, Direction, JsonRpcMessage, Kind};
use crate::protocol::{Era, peek};
use crate::reply::Reply;
use crate::rules::{
    Action, Answer, Failure, Fault, Matched, Mock, Otherwise, Position, RuleSet, Seen, Template,
};
use crate::wire::fault::Damage;

/// What is done next with a message.
pub(super) enum Step {
    /// The next rule is asked.
    On,
    /// The same, about this in its place.
    Change(JsonRpcMessage),
    Tag(Tags),
    /// It waits; then this happens, or the next rule is asked.
    Wait(Duration, Option<Failure>),
    /// The rule of this id holds it.
    Hold(String),
    /// No other rule is asked.
    End(intercept::Action),
}

impl Rules {
    /// The next rule that is for the message.
    pub(super) fn step(&self, set: &RuleSet, at: &mut Option<Position>, seen: &Interception) -> Step {
        let facts = Facts::of(seen, self, set);
        let known = facts.seen();
        let matched = match set.next(*at, &known) {
            Ok(Some(matched)) => matched,
            Ok(None) => return Step::End(intercept::Action::Continue),
            Err(undecided) => {
                add(&self.0.counts.undecided);
                tracing::warn!(method = seen.method(), %undecided, "a message is not decided by the rules");
                return match self.0.options.undecided {
                    Otherwise::Pass => Step::End(intercept::Action::Continue),
                    Otherwise::Block => Step::End(unchecked()),
                };
            }
        };
        *at = Some(matched.position());
        tracing::debug!(rule = matched.rule().id(), method = seen.method(), "a rule is for a message");
        self.act(&matched, &known, seen)
    }

    fn act(&self, matched: &Matched<'_>, known: &Seen<'_>, seen: &Interception) -> Step {
        let counts = &self.0.counts;
        match matched.rule().action() {
            Action::Rewrite(rewrite) => match rewrite.apply(seen.message(), &matched.values(known)) {
                Ok(message) if message == *seen.message() => Step::On,
                Ok(message) => {
                    add(&counts.rewritten);
                    Step::Change(message)
                }
                Err(error) => self.failed(matched, &error, rewrite.otherwise),
            },
            Action::Mock(mock) => self.mock(mock, matched, known, seen),
            Action::Fault(fault) => self.fault(fault, seen),
            Action::Block(block) => {
                add(&counts.blocked);
                Step::End(intercept::Action::Block(match block.as_tool_error {
                    true => Block::tool_error(&block.message),
                    false => Block::error(block.code, &block.message),
                }))
            }
            Action::Pass => {
                add(&counts.passed);
                Step::End(intercept::Action::Continue)
            }
            Action::Hold => Step::Hold(matched.rule().id().to_owned()),
            Action::Tag(tags) => {
                add(&counts.tagged);
                let mut all = seen.metadata().get::<Tags>().cloned().unwrap_or_default();
                tags.iter().for_each(|(name, value)| all.set(name, value));
                tracing::info!(
                    rule = matched.rule().id(),
                    method = seen.method(),
                    ?tags,
                    "a message is tagged"
                );
                Step::Tag(all)
            }
        }
    }

    fn failed(&self, matched: &Matched<'_>, error: &dyn std::fmt::Display, otherwise: Otherwise) -> Step {
        add(&self.0.counts.failed);
        let rule = matched.rule().id();
        match otherwise {
            Otherwise::Pass => {
                tracing::warn!(rule, %error, "a rule failed; the message goes on as it was");
                Step::On
            }
            Otherwise::Block => {
                tracing::warn!(rule, %error, "a rule failed; the message is blocked");
                Step::End(unchecked())
            }
        }
    }

    fn mock(&self, mock: &Mock, matched: &Matched<'_>, known: &Seen<'_>, seen: &Interception) -> Step {
        let Some(answer) = mock.answer(matched.occurrence()) else { return Step::On };
        if seen.message().kind() == Kind::Notification {
            add(&self.0.counts.answered);
            return Step::End(intercept::Action::Drop); // nobody waits for an answer
        }
        match self.answer(answer, matched, known, seen) {
            Ok(action) => {
                add(&self.0.counts.answered);
                Step::End(action)
            }
            Err(error) => self.failed(matched, &error, Otherwise::Block),
        }
    }

    fn answer(
        &self,
        answer: &Answer,
        matched: &Matched<'_>,
        known: &Seen<'_>,
        seen: &Interception,
    ) -> Result<intercept::Action, BoxError> {
        let fill = |template: &Template| template.fill(&matched.values(known));
        let id = seen.message().owned_id().ok_or("a message without an id is not answered")?;
        let response = match answer {
            Answer::Result(template) => {
                JsonRpcMessage::response(id, result(fill(template)?, seen).to_string())?
            }
            Answer::Error { code, message, data } => {
                let data = data.as_ref().map(fill).transpose()?.map(|data| data.to_string());
                JsonRpcMessage::refusal_with(Some(&id), *code, message, data.as_deref())
            }
            Answer::ToolError(text) => return Ok(intercept::Action::Block(Block::tool_error(text))),
            Answer::Tape(name) => {
                let tapes = self.0.options.tapes.as_ref().ok_or("there are no tapes")?;
                let found = tapes(name, seen.message());
                return found
                    .map(intercept::Action::Respond)
                    .ok_or_else(|| format!("the tape {name:?} holds nothing for the message").into());
            }
        };
        Ok(intercept::Action::Respond(Reply::one(response)))
    }

    fn fault(&self, fault: &Fault, seen: &Interception) -> Step {
        add(&self.0.counts.faulted);
        let delay = fault.delay.saturating_add(fault.jitter.mul_f64(fastrand::f64()));
        match &fault.failure {
            then if !delay.is_zero() => {
                add(&self.0.counts.delayed);
                Step::Wait(delay, then.clone())
            }
            Some(failure) => Step::End(self.fail(failure, seen)),
            None => Step::On,
        }
    }

    /// No other rule is asked.
    pub(super) fn fail(&self, failure: &Failure, seen: &Interception) -> intercept::Action {
        let damage = match failure {
            Failure::Error { code, message } => {
                return intercept::Action::Block(Block::error(*code, message));
            }
            Failure::Timeout => return intercept::Action::Lose,
            Failure::Reorder(window) => {
                if seen.direction() == Direction::ToClient && seen.message().kind() == Kind::Notification {
                    return intercept::Action::Collect(*window);
                }
                self.0.tally.spare();
                return intercept::Action::Continue;
            }
            Failure::Disconnect => Damage::Disconnect,
            Failure::Truncate(bytes) => Damage::Truncate(*bytes),
            Failure::Corrupt(bytes) => Damage::Corrupt(*bytes),
            Failure::Duplicate(times) | Failure::Flood(times) => Damage::Repeat(*times),
        };
        intercept::Action::Modify(damage.mark(seen.message().clone(), &self.0.tally))
    }
}

fn unchecked() -> intercept::Action {
    intercept::Action::block(Code::INTERNAL_ERROR, "The message could not be checked and was not forwarded")
}

/// A result of 2026-07-28 says what kind it is.
fn result(mut result: Value, seen: &Interception) -> Value {
    let is_modern = seen.request().is_some_and(|request| peek::settled_era(request) == Some(Era::Modern));
    if let Value::Object(members) = &mut result
        && is_modern
    {
        members.entry("resultType").or_insert_with(|| "complete".into());
    }
    result
}
