//! Rules that no message is for.

use std::cell::Cell;
use std::fmt::Debug;

use super::facts::{Fact, Facts, exclude, weight};
use super::{Found, Part, conditions, shadow};
use crate::message::Kind;
use crate::protocol::method;
use crate::rules::rule::Occurrences;
use crate::rules::{Matcher, ProblemKind, Rule, Text};

/// So much is compared with each other for one rule.
const MAX_WORK: u64 = 10_000_000;

/// So many alternatives are gone through for one rule.
const MAX_STEPS: u64 = 1_000;

pub(super) fn look_at(rule: &Rule, found: &mut Found) {
    let never = |part, what: String| (part, ProblemKind::NeverMatches, what);
    found.extend(occurrences(rule.occurrences).map(|what| never(Part::Matcher, what)));
    let mut facts = Facts::of(&rule.matcher);
    facts.scope = Some(&rule.scope);
    let weight = weight(&rule.matcher);
    let steps = Cell::new((MAX_WORK / weight.saturating_mul(weight)).min(MAX_STEPS));
    let own = conditions::of_matcher(&rule.matcher, facts.kind);
    found.extend(
        conditions::no_members(&rule.matcher).map(|(part, what)| (part, ProblemKind::Senseless, what)),
    );
    match own {
        Some((at, what)) => found.push(never(Part::Condition(at), what)),
        None => found.extend(contradiction(&facts, 0, &steps).map(|what| never(Part::Matcher, what))),
    }
}

fn occurrences(occurrences: Occurrences) -> Option<String> {
    let Occurrences { from, until, chance, .. } = occurrences;
    if let Some(until) = until.filter(|until| *until < from) {
        return Some(format!("it ends with the match {until}, before it begins with the match {from}"));
    }
    (chance.is_nan() || chance <= 0.0)
        .then(|| format!("its chance is {chance}, so that it is for no message; disable or remove it"))
}

/// Why no message can be so, if that can be told. Of the parts, those from `new` on were not looked into yet.
pub(super) fn contradiction(facts: &Facts<'_>, new: usize, steps: &Cell<u64>) -> Option<String> {
    steps.set(steps.get().checked_sub(1)?);
    let parts = &facts.parts[new..];
    phases(facts)
        .or_else(|| texts(facts))
        .or_else(|| names(facts))
        .or_else(|| conditions::contradiction(facts))
        .or_else(|| parts.iter().find_map(|part| alternatives(part, facts, steps)))
        .or_else(|| parts.iter().find_map(|part| excluded(part, facts)))
}

fn phases(facts: &Facts<'_>) -> Option<String> {
    let mut parts = facts.parts.iter();
    let other = |part: &&&Matcher| {
        let kind = part.kind.is_some_and(|kind| facts.kind != Some(kind));
        kind || part.direction.is_some_and(|direction| facts.direction != Some(direction))
    };
    if parts.any(|part| other(&part)) {
        return Some("a part of the matcher asks for another direction or kind than the rest".to_owned());
    }
    let mut eras = facts.parts.iter().filter_map(|part| part.era);
    let first = eras.next()?;
    eras.any(|era| era != first).then(|| "it asks for two eras at once".to_owned())
}

fn texts(facts: &Facts<'_>) -> Option<String> {
    Fact::ALL.into_iter().find_map(|fact| contradict(fact, &facts.texts(fact)))
}

/// All of these have to match one text.
fn contradict(what: impl Debug, texts: &[&Text]) -> Option<String> {
    let what = || format!("{what:?}").to_lowercase();
    if texts.iter().any(|text| text.is_empty()) {
        let what = what();
        return Some(format!("the list of what the {what} may be is empty"));
    }
    let (first, others) = texts.split_first()?;
    let other = others.iter().find(|other| exclude(first, other))?;
    Some(format!("no {} is both {first:?} and {other:?}", what()))
}

fn names(facts: &Facts<'_>) -> Option<String> {
    let names: Vec<_> = facts.names().collect();
    let (first, _) = *names.first()?;
    if names.iter().any(|(named, _)| *named != first) {
        return Some("no message names two of a tool, a prompt and a URI".to_owned());
    }
    let texts: Vec<&Text> = names.iter().map(|(_, text)| *text).collect();
    let what = || format!("{first:?}").to_lowercase();
    contradict(first, &texts)
        .or_else(|| {
            let methods = facts.texts(Fact::Method);
            let other = methods.iter().find(|text| no_method(text, |method| first.is_of(Some(method))))?;
            Some(format!("a message of the method {other:?} has no {}", what()))
        })
        .or_else(|| {
            // The scanner refuses a request without an id.
            (facts.kind == Some(Kind::Notification) && first.method().is_some())
                .then(|| format!("a notification has no {}", what()))
        })
}

/// Whether surely no method that the text matches is such a one.
fn no_method(text: &Text, is_such: impl Fn(&str) -> bool) -> bool {
    let only_patterns = || {
        ![method::TOOLS_CALL, method::PROMPTS_GET]
            .into_iter()
            .any(|method| text.matches(method) && is_such(method))
    };
    match text.exacts() {
        Some(methods) => !methods.into_iter().any(is_such),
        // The methods of resources are not all known.
        None => !is_such("resources/x") && only_patterns(),
    }
}

fn alternatives(part: &Matcher, facts: &Facts<'_>, steps: &Cell<u64>) -> Option<String> {
    let any = part.any.as_ref()?;
    if any.is_empty() {
        return Some("`any` of no matchers matches nothing; add one, or leave it out".to_owned());
    }
    let impossible = |one: &Matcher| contradiction(&facts.and(one), facts.parts.len(), steps);
    let mut reasons = any.iter().map(impossible);
    let first = reasons.next()??;
    reasons.all(|reason| reason.is_some()).then(|| match any.len() {
        1 => first,
        _ => format!("none of `any` can match; of the first: {first}"),
    })
}

fn excluded(part: &Matcher, facts: &Facts<'_>) -> Option<String> {
    part.not
        .iter()
        .any(|not| shadow::covers(not, facts))
        .then(|| "`not` excludes all that the rest allows; make it narrower".to_owned())
}
