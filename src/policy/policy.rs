//! Rules in their order, and what they make of something.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::entry::{Entry, Holds};
use super::index::Index;
use super::pattern::Name;
use super::{Decision, Rule, Subject, Verdict, Who};
use crate::rules::Seen;

/// The name under which a policy's decisions are told.
pub(super) const ACCESS: &str = "access";

/// What may be used, and by whom: rules, and what holds where none is meant. See the [module](super).
///
/// ```
/// use shadowcat::policy::{Policy, Rule, Subject, Target, Verdict, Who};
/// use shadowcat::rules::Text;
///
/// let policy = Policy::deny_by_default([
///     Rule::allow("reading", Target::Tool(Text::glob("read_*"))),
///     Rule::deny("no-mail", Target::Tool(Text::exact("read_mail"))),
/// ])?;
/// let may = |tool| policy.decide(&Subject::tool(tool), &Who::anybody(), None).verdict();
/// assert_eq!(may("read_file"), Verdict::Allow);
/// assert_eq!(may("READ_MAIL"), Verdict::Deny); // denied by what it folds to
/// assert_eq!(may("Read_file"), Verdict::Deny); // allowed by no other spelling
/// # Ok::<(), shadowcat::policy::Invalid>(())
/// ```
pub struct Policy {
    entries: Vec<Entry>,
    index: Index,
    default: Verdict,
    dry_run: bool,
    reason: Arc<str>,
    /// Rules are for some and not for others; and by the client's name.
    asks: (bool, bool),
}

/// Rules that make no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// Two rules have one id.
    #[error("two rules are called {0:?}")]
    IdTaken(String),
    /// A regular expression of the rule of this id is too large to be compared without regard to case.
    #[error("a regular expression of the rule {0:?} is too large to be compared without regard to case")]
    TooLarge(String),
}

/// What one walk over the rules found.
#[derive(Debug, Default)]
struct Found {
    /// The rule in force that decides; none, where the default does.
    real: Option<Option<u32>>,
    /// The same, if rules that only tell were in force too.
    told: Option<Option<u32>>,
    /// The first rule that allows some calls, before anything is decided.
    perhaps: [Option<u32>; 2],
}

impl Policy {
    /// What no rule is meant for is allowed.
    ///
    /// # Errors
    ///
    /// Two rules have one id, or a regular expression is too large.
    pub fn allow_by_default(rules: impl IntoIterator<Item = Rule>) -> Result<Self, Invalid> {
        Self::new(Verdict::Allow, rules)
    }

    /// What no rule is meant for is denied. Of methods, those that only open, close and watch a session, and those
    /// that name things which are judged themselves, are allowed all the same: see the [module](super).
    ///
    /// # Errors
    ///
    /// As [`allow_by_default`](Self::allow_by_default).
    pub fn deny_by_default(rules: impl IntoIterator<Item = Rule>) -> Result<Self, Invalid> {
        Self::new(Verdict::Deny, rules)
    }

    /// By this default.
    ///
    /// # Errors
    ///
    /// As [`allow_by_default`](Self::allow_by_default).
    pub fn new(default: Verdict, rules: impl IntoIterator<Item = Rule>) -> Result<Self, Invalid> {
        let mut rules: Vec<Rule> = rules.into_iter().collect();
        let mut ids = HashSet::new();
        if let Some(twice) = rules.iter().find(|rule| !ids.insert(rule.id.clone())) {
            return Err(Invalid::IdTaken(twice.id.as_ref().into()));
        }
        rules.sort_by_key(|rule| (std::cmp::Reverse(rule.priority), rule.verdict == Verdict::Allow));
        let personal = rules.iter().any(|rule| !rule.only.is_everybody() || !rule.guards.is_empty());
        let clients = rules.iter().any(|rule| rule.only.names_clients() || !rule.guards.is_empty());
        let entry = |rule: Rule| {
            let id = rule.id.clone();
            Entry::new(rule).map_err(|_| Invalid::TooLarge(id.as_ref().into()))
        };
        let entries = rules.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let reason = match default {
            Verdict::Allow => "no rule denies it",
            Verdict::Deny => "no rule allows it",
        };
        let index = Index::new(&entries);
        Ok(Self { entries, index, default, dry_run: false, reason: reason.into(), asks: (personal, clients) })
    }

    /// It only tells what it would do.
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// Whether it only tells what it would do.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// What holds where no rule is meant.
    pub fn default_verdict(&self) -> Verdict {
        self.default
    }

    /// The rules, in the order in which they are asked.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.entries.iter().map(|entry| &entry.rule)
    }

    /// What becomes of something, for lists and calls alike: the first rule decides that is meant.
    ///
    /// With a message, its conditions are looked at. Without one, this tells whether there is any message with which it
    /// may be used: what is denied then is denied with every one, so a list may leave it out.
    ///
    /// A denial that is not [enforced](Decision::is_enforced) only tells what would be.
    pub fn decide(&self, subject: &Subject<'_>, who: &Who<'_>, seen: Option<&Seen<'_>>) -> Decision {
        self.decide_by(self.default, subject, who, seen)
    }

    /// By another default.
    pub(super) fn decide_by(
        &self,
        default: Verdict,
        subject: &Subject<'_>,
        who: &Who<'_>,
        seen: Option<&Seen<'_>>,
    ) -> Decision {
        self.decide_seen(default, subject, who, seen, |_, _| {})
    }

    /// And shows each rule that is looked at to `see`.
    pub(super) fn decide_seen(
        &self,
        default: Verdict,
        subject: &Subject<'_>,
        who: &Who<'_>,
        seen: Option<&Seen<'_>>,
        see: impl FnMut(&Rule, Holds),
    ) -> Decision {
        let found = self.walk(default, subject, who, seen, see);
        self.decision(default, &found)
    }

    /// Shows each rule that is looked at to `see`, and stops at the one that decides.
    fn walk(
        &self,
        default: Verdict,
        subject: &Subject<'_>,
        who: &Who<'_>,
        seen: Option<&Seen<'_>>,
        mut see: impl FnMut(&Rule, Holds),
    ) -> Found {
        let name = Name::new(subject.name());
        let mut found = Found::default();
        for at in self.index.candidates(subject, &name) {
            let entry = &self.entries[at as usize];
            let holds = entry.holds(subject, &name, who, seen);
            see(&entry.rule, holds);
            found.add(at, &entry.rule, holds);
            if found.real.is_some() {
                break;
            }
        }
        let [real, told] = found.perhaps;
        let open = |perhaps: Option<u32>| if default == Verdict::Deny { perhaps } else { None };
        found.real.get_or_insert(open(real));
        found.told.get_or_insert(open(told));
        found
    }

    fn decision(&self, default: Verdict, found: &Found) -> Decision {
        let verdict = |at: Option<u32>| at.map_or(default, |at| self.entries[at as usize].rule.verdict);
        let (real, told) = (found.real.flatten(), found.told.flatten());
        match (verdict(real), verdict(told)) {
            (Verdict::Deny, _) if self.dry_run => self.told(Decision::deny(ACCESS), real).dry_run(),
            (Verdict::Deny, _) => self.told(Decision::deny(ACCESS), real),
            (Verdict::Allow, Verdict::Deny) => self.told(Decision::deny(ACCESS), told).dry_run(),
            (Verdict::Allow, Verdict::Allow) => self.told(Decision::allow(ACCESS), real),
        }
    }

    fn told(&self, decision: Decision, at: Option<u32>) -> Decision {
        match at.map(|at| &self.entries[at as usize]) {
            Some(entry) => decision.rule(entry.rule.id.clone()).reason(entry.reason.clone()),
            None if decision.verdict() == self.default => decision.reason(self.reason.clone()),
            None => decision,
        }
    }

    /// Whether it makes differences between those who ask.
    pub(crate) fn is_personal(&self) -> bool {
        self.asks.0
    }

    /// Whether it asks for the client's name.
    pub(crate) fn asks_for_clients(&self) -> bool {
        self.asks.1
    }

    /// Whether it may deny what servers ask their clients.
    pub(crate) fn may_deny_questions(&self) -> bool {
        self.default == Verdict::Deny || self.index.has_denied_methods()
    }

    /// Whether it asks for the component of a tool.
    pub(crate) fn asks_for_components(&self) -> bool {
        self.index.has_components()
    }
}

impl Found {
    fn add(&mut self, at: u32, rule: &Rule, holds: Holds) {
        self.told = self.told.or_else(|| decided(&mut self.perhaps[1], at, rule, holds));
        if !rule.dry_run {
            self.real = self.real.or_else(|| decided(&mut self.perhaps[0], at, rule, holds));
        }
    }
}

/// Some calls may be allowed by a rule that comes before the one that denies the others: it is that one's word.
fn decided(perhaps: &mut Option<u32>, at: u32, rule: &Rule, holds: Holds) -> Option<Option<u32>> {
    match (holds, rule.verdict) {
        (Holds::No, _) | (Holds::Perhaps, Verdict::Deny) => None,
        (Holds::Perhaps, Verdict::Allow) => {
            perhaps.get_or_insert(at);
            None
        }
        (Holds::Yes, Verdict::Allow) => Some(Some(at)),
        (Holds::Yes, Verdict::Deny) => Some(Some(perhaps.unwrap_or(at))),
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("default", &self.default)
            .field("dry_run", &self.dry_run)
            .field("rules", &self.rules().map(Rule::id).collect::<Vec<_>>())
            .finish()
    }
}
