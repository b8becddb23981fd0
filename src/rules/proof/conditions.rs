//! Conditions that no message fulfils.

use super::Part;
use super::facts::Facts;
use super::said::{MAX_SAID, One, Said};
use crate::message::Kind;
use crate::rules::condition::{Condition, is_like};
use crate::rules::file::suggest::nearest;
use crate::rules::{Matcher, Place, Test};

/// The matcher's own condition that no message of this kind fulfils, and why.
pub(super) fn of_matcher(matcher: &Matcher, kind: Option<Kind>) -> Option<(usize, String)> {
    matcher.conditions.iter().enumerate().find_map(|(at, condition)| Some((at, alone(condition, kind)?)))
}

/// Why one condition cannot be fulfilled, whatever the others are.
fn alone(condition: &Condition, kind: Option<Kind>) -> Option<String> {
    let place = &condition.place;
    if is_hopeless(&condition.test) {
        return Some(format!(
            "no value passes the test of {place:?}: nothing is in an empty set, or above all numbers"
        ));
    }
    if condition.test == Test::Missing {
        return None;
    }
    absent(place, kind?)
}

/// Conditions on members that no message has. Some peer may send them; none should be relied on.
pub(super) fn no_members(matcher: &Matcher) -> impl Iterator<Item = (Part, String)> {
    let own = matcher.conditions.iter().enumerate();
    own.filter_map(|(at, condition)| Some((Part::Condition(at), no_member(&condition.place)?)))
}

/// Why a place is in no message of JSON-RPC.
pub(super) fn no_member(place: &Place) -> Option<String> {
    let first = place.as_pointer()?.tokens().next()?;
    let hint = match nearest(first, MEMBERS) {
        Some(meant) => format!("did you mean `/{meant}`?"),
        None => "a path begins with `/params`, `/result` or `/error`".to_owned(),
    };
    (!MEMBERS.contains(&first)).then(|| format!("no message has a member {first:?}; {hint}"))
}

const MEMBERS: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

/// Why nothing can stand there in a message of this kind.
pub(super) fn absent(place: &Place, kind: Kind) -> Option<String> {
    let member = place.payload()?;
    let (called, has_it) = match kind {
        Kind::Request => ("a request", !matches!(member, "result" | "error")),
        Kind::Notification => ("a notification", !matches!(member, "result" | "error" | "id")),
        Kind::Response => ("a response", !matches!(member, "method" | "params")),
    };
    if !has_it {
        let hint = match member {
            "result" | "error" => "; match the response (`kind: response`)",
            "params" => "; of its request, `method`, `tool`, `prompt` and `uri` are known",
            _ => "",
        };
        return Some(format!("{called} has no `/{member}`, so that {place} never exists{hint}"));
    }
    let is_inside = place.as_pointer().is_some_and(|pointer| pointer.tokens().len() > 1);
    (is_inside && matches!(member, "id" | "method"))
        .then(|| format!("`/{member}` is no object and no array, so that {place} never exists"))
}

/// No value at all passes it.
fn is_hopeless(test: &Test) -> bool {
    match test {
        Test::OneOf(values) => values.is_empty(),
        Test::Text(text) => text.is_empty(),
        Test::Above(bound) => bound.is_nan() || *bound >= f64::MAX,
        Test::Below(bound) => bound.is_nan() || *bound <= f64::MIN,
        Test::AtLeast(bound) | Test::AtMost(bound) => bound.is_nan(),
        Test::All(tests) => tests.iter().any(is_hopeless) || One::of(tests.iter()).contradicts(),
        _ => false,
    }
}

/// Whether whatever passes the one test passes the other.
pub(crate) fn implies(one: &Test, other: &Test) -> bool {
    match (one, other) {
        _ if one == other => true,
        (Test::Missing, _) | (_, Test::Missing) => false,
        (_, Test::Exists) => true,
        (_, Test::All(tests)) => tests.iter().all(|other| implies(one, other)),
        (Test::All(tests), _) => tests.iter().any(|one| implies(one, other)),
        (Test::Equals(value), _) => other.holds(value),
        (Test::OneOf(values), _) => values.iter().all(|value| other.holds(value)),
        (Test::Like(narrow), Test::Like(wide)) => is_like(wide, narrow),
        (Test::Above(one) | Test::AtLeast(one), Test::AtLeast(other)) => one >= other,
        (Test::Above(one), Test::Above(other)) => one >= other,
        (Test::AtLeast(one), Test::Above(other)) => one > other,
        (Test::Below(one) | Test::AtMost(one), Test::AtMost(other)) => one <= other,
        (Test::Below(one), Test::Below(other)) => one <= other,
        (Test::AtMost(one), Test::Below(other)) => one < other,
        (Test::LongerThan(one), Test::LongerThan(other)) => one >= other,
        _ => false,
    }
}

/// Why all conditions together cannot be fulfilled.
pub(super) fn contradiction(facts: &Facts<'_>) -> Option<String> {
    let conditions: Vec<&Condition> = facts.conditions().take(MAX_SAID).collect();
    let alone = conditions.iter().find_map(|condition| alone(condition, facts.kind));
    alone.or_else(|| missing(&conditions)).or_else(|| Said::of(&conditions, facts).contradiction())
}

/// One condition says that something is there, another that it is not.
fn missing(conditions: &[&Condition]) -> Option<String> {
    let (missing, there): (Vec<&Condition>, Vec<_>) =
        conditions.iter().partition(|condition| condition.test == Test::Missing);
    let both = missing.iter().take(64).find(|one| there.iter().any(|other| one.place == other.place))?;
    Some(format!("{} is to be there and not to be there", both.place))
}
