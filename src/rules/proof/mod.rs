//! What can be told of rules before any message comes.
//!
//! Nothing is claimed that is not so: where a proof would take long, or needs to know what peers do, it is left out.

mod action;
mod conditions;
mod doubt;
mod facts;
mod matcher;
mod rewrite;
mod said;
mod shadow;
mod template;

use super::{Problem, ProblemKind, Problems, Rule, RuleSet};

pub(crate) use conditions::implies;
pub(crate) use facts::{cover, exclude};

/// What was found of a rule.
#[derive(Debug)]
pub(super) struct Finding<'r> {
    pub(super) rule: &'r str,
    pub(super) part: Part,
    pub(super) kind: ProblemKind,
    pub(super) what: String,
}

/// A part of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Rule,
    Matcher,
    /// One of the matcher's own conditions.
    Condition(usize),
    Captures,
    Action,
}

/// What is found of one rule: where, of what kind, and in words.
type Found = Vec<(Part, ProblemKind, String)>;

impl RuleSet {
    /// What is wrong with these rules, as far as it can be told without messages.
    ///
    /// Errors are rules that can never match, or whose action has no effect or makes no sense for their messages:
    ///
    /// - a condition on what the message cannot have: `/result` of a request, `/params` of a response, a member that no
    ///   JSON-RPC message has,
    /// - conditions, names or facts that contradict each other, and sets of none,
    /// - a `not` that excludes all that the rest allows,
    /// - a chance of 0, an end before the beginning,
    /// - a mock of what is no request, an error of tools for other methods, a reordering of anything but notifications,
    ///   a rewrite of `/jsonrpc` or `/id` or one that leaves no JSON-RPC message,
    /// - captured values and templates that can never be filled in.
    ///
    /// Warnings are rules that an earlier one leaves no message, patterns that are compared as they stand, methods that
    /// look like a slip, captured values that nothing uses.
    ///
    /// ```
    /// use shadowcat::rules::{Action, Matcher, Rule, RuleSet, Text};
    ///
    /// let rules = RuleSet::new([
    ///     Rule::new("all", Matcher::new().method(Text::exact("tools/call")), Action::Pass),
    ///     Rule::new("one", Matcher::new().tool(Text::exact("add")), Action::Hold),
    /// ])?;
    /// let problems = rules.problems();
    /// assert!(!problems.has_errors());
    /// assert_eq!(
    ///     problems.to_string(),
    ///     r#"warning: rule "one": it is never reached: the rule "all" comes first and takes all of its messages"#
    /// );
    /// # Ok::<(), shadowcat::rules::IdTaken>(())
    /// ```
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::default();
        for Finding { rule, kind, what, .. } in prove(self) {
            problems.push(Problem { kind, file: None, at: None, rule: Some(rule.into()), what });
        }
        problems
    }
}

/// All that is found, rule by rule in their order.
pub(super) fn prove(rules: &RuleSet) -> Vec<Finding<'_>> {
    let all: Vec<&Rule> = rules.rules().collect();
    let mut findings = Vec::new();
    for (rule, shadow) in all.iter().zip(shadow::shadows(&all)) {
        let mut found = Found::new();
        matcher::look_at(rule, &mut found);
        action::look_at(rule, &mut found);
        template::look_at(rule, &mut found);
        doubt::look_at(rule, &mut found);
        let never = found.iter().any(|(_, kind, _)| *kind == ProblemKind::NeverMatches);
        if let Some(first) = shadow.filter(|_| !never) {
            let what =
                format!("it is never reached: the rule {first:?} comes first and takes all of its messages");
            found.push((Part::Rule, ProblemKind::Shadowed, what));
        }
        let of_rule = |(part, kind, what)| Finding { rule: rule.id(), part, kind, what };
        findings.extend(found.into_iter().map(of_rule));
    }
    findings
}
