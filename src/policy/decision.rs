//! What was decided, and by what.

use std::fmt;
use std::sync::Arc;

use crate::reply::Reply;

/// Whether something may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
pub enum Verdict {
    /// It may.
    Allow,
    /// It may not.
    Deny,
}

/// What a layer decided about one message, and why: for logs and for the audit, never for the client.
///
/// ```
/// use shadowcat::policy::{Decision, Verdict};
///
/// let decision = Decision::deny("access").rule("no-shell").reason("the tool is on the deny list").dry_run();
/// assert_eq!(decision.verdict(), Verdict::Deny);
/// assert!(!decision.is_enforced());
/// assert_eq!(decision.to_string(), "access: would deny by no-shell: the tool is on the deny list");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    by: &'static str,
    verdict: Verdict,
    rule: Option<Arc<str>>,
    reason: Option<Arc<str>>,
    enforced: bool,
}

impl Decision {
    /// What `by`, the name of a layer, allows.
    pub fn allow(by: &'static str) -> Self {
        Self { by, verdict: Verdict::Allow, rule: None, reason: None, enforced: true }
    }

    /// What it denies.
    pub fn deny(by: &'static str) -> Self {
        Self { verdict: Verdict::Deny, ..Self::allow(by) }
    }

    /// By this rule, as its file or its maker calls it.
    pub fn rule(mut self, rule: impl Into<Arc<str>>) -> Self {
        self.rule = Some(rule.into());
        self
    }

    /// For this reason. It may name rules, tools and places, and holds no values of the message.
    pub fn reason(mut self, reason: impl Into<Arc<str>>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Only told: the message passed all the same.
    pub fn dry_run(mut self) -> Self {
        self.enforced = false;
        self
    }

    /// The name of the layer that decided.
    pub fn by(&self) -> &'static str {
        self.by
    }

    /// What it decided.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The rule that decided; none where it was the default.
    pub fn rule_id(&self) -> Option<&str> {
        self.rule.as_deref()
    }

    /// Why.
    pub fn why(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Whether it is a denial that is acted on.
    pub fn refuses(&self) -> bool {
        self.enforced && self.verdict == Verdict::Deny
    }

    /// Whether it was acted on.
    pub fn is_enforced(&self) -> bool {
        self.enforced
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let would = if self.enforced { "" } else { "would " };
        let verdict = match self.verdict {
            Verdict::Allow => "allow",
            Verdict::Deny => "deny",
        };
        write!(f, "{}: {would}{verdict}", self.by)?;
        if let Some(rule) = &self.rule {
            write!(f, " by {rule}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        Ok(())
    }
}

/// What the layers of a stack decided about one request, the lowest first: left in the reply's extensions.
///
/// ```
/// use shadowcat::policy::{Decision, Decisions};
/// use shadowcat::{Code, JsonRpcMessage, Reply};
///
/// let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"rm"}"#)?;
/// let mut refusal = Reply::refuse(&call, Code::INVALID_PARAMS, "Unknown tool: rm");
/// Decisions::add(&mut refusal, Decision::deny("access").rule("no-rm"));
/// assert_eq!(Decisions::of(&refusal)[0].rule_id(), Some("no-rm"));
/// # Ok::<(), shadowcat::ParseError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Decisions(Vec<Decision>);

impl Decisions {
    /// What was decided about the request of this reply.
    pub fn of(reply: &Reply) -> &[Decision] {
        reply.extensions().get::<Self>().map_or(&[], |decisions| &decisions.0)
    }

    /// Leaves a decision with the reply.
    pub fn add(reply: &mut Reply, decision: Decision) {
        reply.extensions_mut().get_or_insert_default::<Self>().0.push(decision);
    }
}
