//! All that is said of the values of one message, and whether it can be.

use std::collections::BTreeMap;

use serde_json::Value;

use super::facts::{Fact, Facts, exclude};
use crate::message::{Kind, Pointer};
use crate::rules::condition::{Condition, is_equal, is_like};
use crate::rules::matcher::Named;
use crate::rules::{Test, Text, Type};

/// What is said of one message beyond this is not looked at.
pub(super) const MAX_SAID: usize = 1_000;

/// What is said of each place that is only one.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    at: BTreeMap<Pointer, One<'a>>,
    count: usize,
}

/// What is said of one value.
#[derive(Debug, Default)]
pub(super) struct One<'a> {
    is_missing: bool,
    /// Something stands inside of it.
    is_container: bool,
    equals: Vec<&'a Value>,
    tests: Vec<&'a Test>,
    texts: Vec<&'a Text>,
    likes: Vec<&'a Value>,
}

impl<'a> Said<'a> {
    pub(super) fn of(conditions: &[&'a Condition], facts: &Facts<'a>) -> Self {
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
                Named::Resource => "uri",
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

    pub(super) fn contradiction(&self) -> Option<String> {
        let (place, _) = self.at.iter().find(|(_, one)| one.contradicts())?;
        Some(format!("nothing is all that is said of {place}; the conditions contradict each other"))
    }
}

impl<'a> One<'a> {
    pub(super) fn of(tests: impl Iterator<Item = &'a Test>) -> Self {
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

    pub(super) fn contradicts(&self) -> bool {
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
