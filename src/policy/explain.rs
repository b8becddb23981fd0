//! Why a policy decides as it does.

use std::fmt;
use std::sync::Arc;

use super::entry::Holds;
use super::judge::{Judged, Owners};
use super::{Decision, Owner, Policy, Who};
use crate::message::{Direction, JsonRpcMessage};
use crate::rules::Seen;

/// Why a policy decides about a message as it does: for people, not for clients.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// What is decided about the whole message.
    pub decision: Decision,
    /// What was asked on the way, one thing after the other: its method, then what it names.
    pub looks: Vec<Look>,
}

/// One thing that a message is about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Look {
    /// What it is, in words.
    pub subject: String,
    /// What is decided about it.
    pub decision: Decision,
    /// The rules that were looked at, by id, in the order in which they were asked, and whether each was meant. Rules
    /// for other names are not looked at.
    pub rules: Vec<(Arc<str>, bool)>,
}

impl Policy {
    /// What becomes of a request or a notification, which rule says so, and which rules were looked at.
    ///
    /// ```
    /// use shadowcat::JsonRpcMessage;
    /// use shadowcat::policy::{Policy, Rule, Target, Who};
    /// use shadowcat::rules::Text;
    ///
    /// let policy = Policy::allow_by_default([
    ///     Rule::deny("no-shell", Target::Tool(Text::exact("shell"))).describe("nobody needs one"),
    /// ])?;
    /// let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"Shell"}"#)?;
    /// let explanation = policy.explain(&call, &Who::anybody());
    /// assert_eq!(
    ///     explanation.to_string(),
    ///     "access: deny by no-shell: nobody needs one\n\
    ///      - the method \"tools/call\": access: allow: no rule denies it\n\
    ///      - the tool \"Shell\": access: deny by no-shell: nobody needs one\n  \
    ///        no-shell: is meant"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn explain(&self, message: &JsonRpcMessage, who: &Who<'_>) -> Explanation {
        self.explain_with(message, who, &|_| Owner::Nobody)
    }

    pub(crate) fn explain_with(
        &self,
        message: &JsonRpcMessage,
        who: &Who<'_>,
        owners: Owners<'_>,
    ) -> Explanation {
        let direction = message.context().map_or(Direction::ToUpstream, |context| context.direction());
        let mut looks = Vec::new();
        let judged =
            self.judge_seen(message, direction, owners, &mut |default, subject, seen: Option<&Seen<'_>>| {
                let mut rules = Vec::new();
                let decision = self.decide_seen(default, subject, who, seen, |rule, holds| {
                    rules.push((rule.id.clone(), holds != Holds::No));
                });
                looks.push(Look { subject: subject.to_string(), decision: decision.clone(), rules });
                decision
            });
        let (Judged::Pass(decision) | Judged::Denied(decision, _) | Judged::Malformed(decision, _)) = judged;
        Explanation { decision, looks }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.decision.fmt(f)?;
        for look in &self.looks {
            write!(f, "\n- {}: {}", look.subject, look.decision)?;
            for (rule, is_meant) in &look.rules {
                write!(f, "\n  {rule}: {}", if *is_meant { "is meant" } else { "is not meant" })?;
            }
        }
        Ok(())
    }
}
