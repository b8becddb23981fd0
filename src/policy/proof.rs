//! What can be told of a policy before any message comes.
//!
//! Nothing is claimed that is not so; what would take long to prove is left out.

use crate::protocol::method;
use crate::rules::{
    Action, Matcher, Problem, ProblemKind, Problems, Rule as Probe, RuleSet, Text, cover, exclude, implies,
};

use super::{Policy, Rule, Target, Verdict};

/// A rule is compared with so many that come before it, and so many after.
const MOST: usize = 1_000;

impl Policy {
    /// What is wrong with the rules, as far as it can be told without messages.
    ///
    /// Errors are rules that contradict another of the same priority, word for word; whose conditions contradict each
    /// other or are about what no call has; and sets of none. Warnings are rules that another leaves nothing to
    /// decide, that have no effect since what they say holds without them, names that look like patterns, and methods
    /// that look like a slip.
    ///
    /// ```
    /// use shadowcat::policy::{Policy, Rule, Target};
    /// use shadowcat::rules::Text;
    ///
    /// let policy = Policy::deny_by_default([
    ///     Rule::allow("mail", Target::Tool(Text::exact("send_mail"))),
    ///     Rule::deny("no-sending", Target::Tool(Text::glob("send_*"))),
    /// ])?;
    /// assert_eq!(
    ///     policy.problems().to_string(),
    ///     "warning: rule \"mail\": it is never reached: the rule \"no-sending\" comes first and takes all that it is for"
    /// );
    /// # Ok::<(), shadowcat::policy::Invalid>(())
    /// ```
    pub fn problems(&self) -> Problems {
        let rules: Vec<&Rule> = self.rules().collect();
        let mut problems = Problems::default();
        for (at, rule) in rules.iter().enumerate() {
            let mut say = |kind, what: String| {
                problems.push(Problem { kind, file: None, at: None, rule: Some(rule.id().into()), what });
            };
            let own = alone(rule);
            let is_hopeless = own.iter().any(|problem| problem.kind == ProblemKind::NeverMatches);
            own.into_iter().for_each(|problem| say(problem.kind, problem.what));
            if is_hopeless {
                continue;
            }
            let before = &rules[at.saturating_sub(MOST)..at];
            if let Some(first) = before.iter().find(|before| contradict(before, rule)) {
                say(
                    ProblemKind::Senseless,
                    format!("the rule {:?} denies what it allows; remove one of them", first.id()),
                );
            } else if let Some(first) = before.iter().find(|before| takes_all(before, rule)) {
                let what = "comes first and takes all that it is for";
                say(ProblemKind::Shadowed, format!("it is never reached: the rule {:?} {what}", first.id()));
            } else if self.has_no_effect(rule, &rules[at + 1..]) {
                say(ProblemKind::Doubtful, "it has no effect: what it says holds without it".to_owned());
            }
        }
        problems
    }

    /// What it says is the default, and no rule behind it says something else.
    fn has_no_effect(&self, rule: &Rule, behind: &[&Rule]) -> bool {
        let by_default = rule.verdict == self.default_verdict() && !matches!(rule.target, Target::Method(_));
        let may_be_other = |other: &&Rule| {
            let apart = is_same_kind(rule, other) && surely_apart(rule, other);
            other.verdict != rule.verdict && is_of(rule) == is_of(other) && !apart
        };
        by_default && !rule.dry_run && behind.len() <= MOST && !behind.iter().any(may_be_other)
    }
}

/// What is wrong with a rule whatever the others are.
fn alone(rule: &Rule) -> Vec<Problem> {
    let text = rule.target.text().clone();
    let mut matcher = match &rule.target {
        Target::Tool(_) => Matcher::new().tool(text),
        Target::Prompt(_) => Matcher::new().prompt(text),
        Target::Resource(_) => Matcher::new().uri(text),
        Target::Method(_) => Matcher::new().method(text),
        Target::Component(_) => Matcher::new().method(Text::exact(method::TOOLS_CALL)).component(text),
    };
    let [principal, session, client, upstream] = rule.only.texts().clone();
    let say = |matcher, text: Option<Text>, how: fn(Matcher, Text) -> Matcher| match text {
        Some(text) => how(matcher, text),
        None => matcher,
    };
    matcher = say(matcher, principal, Matcher::principal);
    matcher = say(matcher, session, Matcher::session);
    matcher = say(matcher, client, Matcher::client);
    matcher = say(matcher, upstream, Matcher::upstream);
    for condition in &rule.conditions {
        matcher = matcher.when(condition.place.clone(), condition.test.clone());
    }
    let Ok(probe) = RuleSet::new([Probe::new(rule.id(), matcher, Action::Pass)]) else { return Vec::new() };
    probe.problems().iter().cloned().collect()
}

/// Word for word the same, and one allows what the other denies.
fn contradict(denies: &Rule, allows: &Rule) -> bool {
    (denies.verdict, allows.verdict) == (Verdict::Deny, Verdict::Allow)
        && denies.priority == allows.priority
        && denies.target == allows.target
        && denies.only == allows.only
        && !denies.is_conditional()
        && !allows.is_conditional()
        && !denies.dry_run
}

/// Whether `wide`, which is asked first, decides all that `narrow` would.
fn takes_all(wide: &Rule, narrow: &Rule) -> bool {
    let folds = narrow.verdict == Verdict::Deny;
    // An exact name that is allowed leaves the other spellings to a rule that denies.
    let covers = |wide_text: &Text, text: &Text| match (wide.verdict, folds) {
        _ if wide_text.is_any() => true,
        (Verdict::Allow, true) => false,
        (Verdict::Deny, true) => {
            let both = |text: &Text| Some(Text::any_of([text.clone(), text.folded()?]));
            both(wide_text).zip(both(text)).is_some_and(|(wide, narrow)| cover(&wide, &narrow))
        }
        (_, false) => cover(wide_text, text),
    };
    // What cannot be told is not allowed, but denied.
    let may_be_open = !wide.conditions.is_empty() || matches!(wide.target, Target::Component(_));
    let mut facts = wide.only.texts().iter().zip(narrow.only.texts());
    !wide.dry_run
        && wide.guards.is_empty()
        && is_same_kind(wide, narrow)
        && !(wide.verdict == Verdict::Allow && folds && may_be_open)
        && covers(wide.target.text(), narrow.target.text())
        && facts.all(|(wide, narrow)| {
            wide.as_ref().is_none_or(|wide| narrow.as_ref().is_some_and(|narrow| covers(wide, narrow)))
        })
        && wide.conditions.iter().all(|wide| {
            let mut said = narrow.conditions.iter().take(64);
            said.any(|narrow| narrow.place == wide.place && implies(&narrow.test, &wide.test))
        })
}

fn is_same_kind(one: &Rule, other: &Rule) -> bool {
    std::mem::discriminant(&one.target) == std::mem::discriminant(&other.target)
}

/// Rules about different things never meet; a tool is a component's.
fn is_of(rule: &Rule) -> u8 {
    match rule.target {
        Target::Tool(_) | Target::Component(_) => 0,
        Target::Prompt(_) => 1,
        Target::Resource(_) => 2,
        Target::Method(_) => 3,
    }
}

/// Names that are surely not both meant, however they are spelt.
fn surely_apart(one: &Rule, other: &Rule) -> bool {
    let exacts = |rule: &Rule| rule.target.text().folded().filter(|text| text.exacts().is_some());
    exacts(one).zip(exacts(other)).is_some_and(|(one, other)| exclude(&one, &other))
}
