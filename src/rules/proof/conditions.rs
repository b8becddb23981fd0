//! Conditions that no message fulfils.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Part;
use super::facts::{Fact, Facts, exclude};
use crate::message::{Kind, Pointer};
use crate::rules::condition::{Condition, is_equal, is_like};
use crate::rules::file::suggest::nearest;
use crate::rules::{Matcher, Place, Test, Text, Type};

/// What is said of one message beyond this is not looked at.
const MAX_SAID: usize = 1_000;

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
pub(super) fn implies(one: &Test, other: &Test) -> bool {
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

/// What is said of each place that is only one.
#[derive(Debug, Default)]
struct Said<'a> {
    at: BTreeMap<Pointer, One<'a>>,
    count: usize,
}

/// What is said of one value.
#[derive(Debug, Default)]
struct One<'a> {
    is_missing: bool,
    /// Something stands inside of it.
    is_container: bool,
    equals: Vec<&'a Value>,
    tests: Vec<&'a Test>,
    texts: Vec<&'a Text>,
    likes: Vec<&'a Value>,
}

impl<'a> Said<'a> {
    fn of(conditions: &[&'a Condition], facts: &Facts<'a>) -> Self {
        let mut said = Self::default();
        for condition in conditions {
            if let Some(pointer) = condition.place.as_pointer() {
                said.add(pointer.clone(), &condition.test);
            }
        }
        if matches!(facts.kind, Some(Kind::Request | Kind::Notification)) {
            said.envelope(facts);
        }
        said
    }

    /// What is said of method and name is said of places, too.
    fn envelope(&mut self, facts: &Facts<'a>) {
        let method = Pointer::root().join("method");
        self.one(method).texts.extend(facts.texts(Fact::Method));
        for (named, text) in facts.names() {
            let member = match named {
                crate::rules::matcher::Named::Resource => "uri",
                _ => "name",
            };
            let place = Pointer::root().join("params").join(member);
            self.inside(&place);
            self.one(place).texts.push(text);
        }
    }

    fn one(&mut self, pointer: Pointer) -> &mut One<'a> {
        self.count += 1;
        self.at.entry(pointer).or_default()
    }

    /// Everything on the way to a place has something inside.
    fn inside(&mut self, pointer: &Pointer) {
        let mut way = Pointer::root();
        for token in pointer.tokens().rev().skip(1).collect::<Vec<_>>().into_iter().rev() {
            way = way.join(token);
            self.one(way.clone()).is_container = true;
        }
    }

    fn add(&mut self, pointer: Pointer, test: &'a Test) {
        if self.count > MAX_SAID {
            return;
        }
        match test {
            Test::Missing => return self.one(pointer).is_missing = true,
            Test::All(tests) => return tests.iter().for_each(|test| self.add(pointer.clone(), test)),
            Test::Like(value) => return self.like(pointer, value),
            _ => self.inside(&pointer),
        }
        self.one(pointer).add(test);
    }

    /// An object is like another if its members are.
    fn like(&mut self, pointer: Pointer, value: &'a Value) {
        self.inside(&pointer);
        if let Value::Object(members) = value {
            for (key, value) in members.iter().take(MAX_SAID.saturating_sub(self.count)) {
                self.like(pointer.clone().join(key), value);
            }
        }
        self.one(pointer).like(value);
    }

    fn contradiction(&self) -> Option<String> {
        let (place, _) = self.at.iter().find(|(_, one)| one.contradicts())?;
        Some(format!("nothing is all that is said of {place}; the conditions contradict each other"))
    }
}

impl<'a> One<'a> {
    fn of(tests: impl Iterator<Item = &'a Test>) -> Self {
        let mut one = Self::default();
        tests.take(MAX_SAID).for_each(|test| one.add(test));
        one
    }

    fn add(&mut self, test: &'a Test) {
        match test {
            Test::Equals(value) => self.equals.push(value),
            Test::Text(text) => self.texts.push(text),
            Test::Like(value) => self.like(value),
            Test::All(tests) => tests.iter().for_each(|test| self.add(test)),
            _ => self.tests.push(test),
        }
    }

    fn like(&mut self, value: &'a Value) {
        match value {
            Value::Array(_) | Value::Object(_) => self.likes.push(value),
            _ => self.equals.push(value),
        }
    }

    fn contradicts(&self) -> bool {
        let is_there = self.is_container
            || !(self.equals.is_empty()
                && self.tests.is_empty()
                && self.texts.is_empty()
                && self.likes.is_empty());
        if self.is_missing {
            return is_there;
        }
        is_there
            && (self.types() == 0 || !self.some_candidate() || self.is_empty_range() || self.texts_exclude())
    }

    /// If it equals something, that is all it can be.
    fn some_candidate(&self) -> bool {
        let sets = self.tests.iter().filter_map(|test| match test {
            Test::OneOf(values) => Some(values.iter().collect()),
            _ => None,
        });
        let first = self.equals.first().map(|value| vec![*value]);
        let Some(candidates) = first.or_else(|| sets.into_iter().next()) else { return true };
        candidates.into_iter().any(|value| self.may_be(value))
    }

    fn may_be(&self, value: &Value) -> bool {
        (!self.is_container || value.is_object() || value.is_array())
            && self.equals.iter().all(|other| is_equal(other, value))
            && self.tests.iter().all(|test| test.holds(value))
            && self.texts.iter().all(|text| value.as_str().is_some_and(|value| text.matches(value)))
            && self.likes.iter().all(|like| is_like(like, value))
    }

    fn is_empty_range(&self) -> bool {
        let (mut low, mut high) = ((f64::NEG_INFINITY, true), (f64::INFINITY, true));
        for test in &self.tests {
            match test {
                Test::Above(bound) if *bound >= low.0 => low = (*bound, false),
                Test::AtLeast(bound) if *bound > low.0 => low = (*bound, true),
                Test::Below(bound) if *bound <= high.0 => high = (*bound, false),
                Test::AtMost(bound) if *bound < high.0 => high = (*bound, true),
                _ => {}
            }
        }
        low.0 > high.0 || (low.0 == high.0 && !(low.1 && high.1))
    }

    fn texts_exclude(&self) -> bool {
        let Some((first, others)) = self.texts.split_first() else { return false };
        others.iter().any(|other| exclude(first, other))
    }

    /// The types that a value may have, as bits; none is a contradiction.
    fn types(&self) -> u8 {
        const CONTAINER: u8 = bit(Type::Array) | bit(Type::Object);
        const LONG: u8 = CONTAINER | bit(Type::String);
        let of_tests = self.tests.iter().map(|test| match test {
            Test::Above(_) | Test::AtLeast(_) | Test::Below(_) | Test::AtMost(_) => bit(Type::Number),
            Test::LongerThan(_) => LONG,
            Test::Type(kind) => bit(*kind),
            _ => u8::MAX,
        });
        let of_likes = self.likes.iter().map(|like| match like {
            Value::Array(_) => bit(Type::Array),
            _ => bit(Type::Object),
        });
        let of_texts = self.texts.first().map(|_| bit(Type::String));
        let of_inside = self.is_container.then_some(CONTAINER);
        of_tests.chain(of_likes).chain(of_texts).chain(of_inside).fold(u8::MAX, |all, types| all & types)
    }
}

/// An integer is a number.
const fn bit(kind: Type) -> u8 {
    match kind {
        Type::Null => 1,
        Type::Boolean => 2,
        Type::Number | Type::Integer => 4,
        Type::String => 8,
        Type::Array => 16,
        Type::Object => 32,
    }
}
