//! Rules that an earlier one leaves no message.

use std::cell::Cell;
use std::collections::HashMap;

use super::facts::{Fact, Facts, cover, weight};
use super::{conditions, matcher};
use crate::rules::condition::Condition;
use crate::rules::rule::Occurrences;
use crate::rules::{Action, Answer, Failure, Matcher, Rule, Text, Then};

/// A rule is compared with so many earlier ones of each kind.
const MAX_EARLIER: usize = 64;

/// So much is compared with each other for a whole set.
const MAX_WORK: u64 = 100_000_000;

/// Rules that end the way of a message, by method and name where they are known.
type Ending<'r> = HashMap<(Option<&'r str>, Option<&'r str>), Vec<(&'r Rule, u64)>>;

/// For each rule the earlier one that takes all of its messages, if that can be told.
pub(super) fn shadows<'r>(rules: &[&'r Rule]) -> Vec<Option<&'r str>> {
    let (mut ending, mut work) = (Ending::new(), MAX_WORK);
    let shadow = |rule: &&'r Rule| {
        let mut facts = Facts::of(&rule.matcher);
        facts.scope = Some(&rule.scope);
        let first = |list: Option<Vec<&'r str>>| list.and_then(|list| list.first().copied());
        let (method, name) = (first(rule.matcher.methods()), first(rule.matcher.names()));
        let mut keys = vec![(None, None), (method, None), (None, name), (method, name)];
        keys.sort_unstable();
        keys.dedup();
        let own = weight(&rule.matcher);
        let mut earlier = keys.iter().filter_map(|key| ending.get(key)).flatten();
        let found = earlier.find(|(earlier, weight)| {
            work = work.saturating_sub(weight.saturating_mul(own));
            work > 0 && takes_all(earlier, &facts)
        });
        let found = found.map(|(earlier, _)| earlier.id());
        if ends(rule) {
            add(&mut ending, rule);
        }
        found
    };
    rules.iter().map(shadow).collect()
}

/// A rule of several methods or names stands at each.
fn add<'r>(ending: &mut Ending<'r>, rule: &'r Rule) {
    let each = |list: Option<Vec<&'r str>>| match list {
        Some(list) => list.into_iter().take(MAX_EARLIER).map(Some).collect(),
        None => vec![None],
    };
    let names = each(rule.matcher.names());
    for method in each(rule.matcher.methods()) {
        for name in &names {
            let list = ending.entry((method, *name)).or_default();
            if list.len() < MAX_EARLIER {
                list.push((rule, weight(&rule.matcher)));
            }
        }
    }
}

/// Whether no rule after it sees a message that it is for.
fn ends(rule: &Rule) -> bool {
    let always = rule.occurrences == Occurrences::default();
    always
        && match &rule.action {
            Action::Pass | Action::Block(_) => true,
            // What a tape holds is not known.
            Action::Mock(mock) => {
                mock.then != Then::Pass
                    && !mock.answers.is_empty()
                    && !mock.answers.iter().any(|answer| matches!(answer, Answer::Tape(_)))
            }
            Action::Fault(fault) => {
                matches!(fault.failure, Some(Failure::Error { .. } | Failure::Timeout | Failure::Disconnect))
            }
            _ => false,
        }
}

fn takes_all(wide: &Rule, facts: &Facts<'_>) -> bool {
    let (direction, kind) = wide.matcher.phase();
    direction.is_none_or(|direction| facts.direction == Some(direction))
        && kind.is_none_or(|kind| facts.kind == Some(kind))
        && Fact::ALL.into_iter().all(|fact| says(fact.of_scope(&wide.scope), fact, facts))
        && covers(&wide.matcher, facts)
}

/// Whether `wide` surely holds of all messages of which the facts hold.
pub(super) fn covers(wide: &Matcher, facts: &Facts<'_>) -> bool {
    wide.direction.is_none_or(|direction| facts.direction == Some(direction))
        && wide.kind.is_none_or(|kind| facts.kind == Some(kind))
        && wide.era.is_none_or(|era| facts.parts.iter().any(|part| part.era == Some(era)))
        && Fact::ALL.into_iter().all(|fact| says(fact.of(wide), fact, facts))
        && covers_name(wide, facts)
        && wide.conditions.iter().all(|condition| follows(condition, facts))
        && wide.all.iter().all(|part| covers(part, facts))
        && wide.any.as_ref().is_none_or(|any| any.iter().any(|part| covers(part, facts)))
        && wide.not.iter().all(|part| is_excluded(part, facts))
}

/// Whether the facts say this of one, or more.
fn says(wide: Option<&Text>, fact: Fact, facts: &Facts<'_>) -> bool {
    let Some(wide) = wide else { return true };
    let by_name =
        || facts.names().any(|(named, _)| named.method().is_some_and(|method| wide.matches(method)));
    facts.texts(fact).iter().any(|narrow| cover(wide, narrow)) || (fact == Fact::Method && by_name())
}

fn covers_name(wide: &Matcher, facts: &Facts<'_>) -> bool {
    let Some((named, wide)) = &wide.name else { return true };
    facts.names().any(|(other, narrow)| other == *named && cover(wide, narrow))
}

fn follows(condition: &Condition, facts: &Facts<'_>) -> bool {
    let mut same = facts.conditions().filter(|other| other.place == condition.place).take(MAX_EARLIER);
    same.any(|other| conditions::implies(&other.test, &condition.test))
}

fn is_excluded(part: &Matcher, facts: &Facts<'_>) -> bool {
    let not = facts.parts.iter().any(|own| own.not.contains(part));
    not || matcher::contradiction(&facts.and(part), facts.parts.len(), &Cell::new(MAX_STEPS)).is_some()
}

/// So many alternatives are gone through for one comparison.
const MAX_STEPS: u64 = 16;
