//! A rule, ready to be asked.

use std::sync::Arc;

use super::pattern::{Name, Pattern, TooLarge};
use super::subject::Owner;
use super::who::Patterns;
use super::{Question, Rule, Subject, SubjectKind, Target, Verdict, Who, template};
use crate::rules::{Seen, Undecided};

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) rule: Rule,
    target: Pattern,
    only: Patterns,
    /// What is told of a decision by it.
    pub(super) reason: Arc<str>,
}

/// Whether a rule is for what is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    No,
    /// For some calls, and not for others.
    Perhaps,
    Yes,
}

impl From<bool> for Holds {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl Entry {
    pub(super) fn new(rule: Rule) -> Result<Self, TooLarge> {
        let folds = rule.verdict == Verdict::Deny;
        let (target, only) = (Pattern::new(rule.target.text(), folds)?, rule.only.compiled(folds)?);
        let does = if folds { "denies" } else { "allows" };
        let reason = rule.description.clone().unwrap_or_else(|| format!("it {does} {}", rule.target).into());
        Ok(Self { rule, target, only, reason })
    }

    /// Without a message: whether it is so for whatever message.
    pub(super) fn holds(
        &self,
        subject: &Subject<'_>,
        name: &Name<'_>,
        who: &Who<'_>,
        seen: Option<&Seen<'_>>,
    ) -> Holds {
        let target = self.is_about(subject, name);
        if target == Holds::No || !self.only.hold(who) {
            return Holds::No;
        }
        if !self.rule.is_conditional() {
            return target;
        }
        let Some(seen) = seen else { return Holds::Perhaps };
        match self.conditions_hold(&Question { subject, who, seen }) {
            Ok(true) => target,
            Ok(false) => Holds::No,
            Err(Undecided) => self.closed(),
        }
    }

    /// What cannot be told is denied, and not allowed.
    fn closed(&self) -> Holds {
        (self.rule.verdict == Verdict::Deny).into()
    }

    fn is_about(&self, subject: &Subject<'_>, name: &Name<'_>) -> Holds {
        match (&self.rule.target, subject.kind()) {
            (Target::Component(_), SubjectKind::Tool) => match subject.owned_by() {
                Owner::Nobody => Holds::No,
                Owner::Component(component) => self.target.matches(&Name::new(component)).into(),
                Owner::Unknown => self.closed(),
            },
            (Target::Resource(_), SubjectKind::Template) => {
                template::holds(&self.target, self.rule.verdict, name)
            }
            (Target::Tool(_), SubjectKind::Tool)
            | (Target::Prompt(_), SubjectKind::Prompt)
            | (Target::Resource(_), SubjectKind::Resource)
            | (Target::Method(_), SubjectKind::Method) => self.target.matches(name).into(),
            _ => Holds::No,
        }
    }

    fn conditions_hold(&self, question: &Question<'_, '_>) -> Result<bool, Undecided> {
        if !self.rule.conditions.is_empty() {
            let document = question.seen.document()?;
            if !self.rule.conditions.iter().all(|condition| condition.holds(document)) {
                return Ok(false);
            }
        }
        for guard in &self.rule.guards {
            if !guard.holds(question)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
