//! What surely holds of every message that a matcher matches.

use crate::message::{Direction, Kind};
use crate::rules::condition::Condition;
use crate::rules::matcher::Named;
use crate::rules::{Matcher, Scope, Text};

/// More parts of a matcher than these are not looked at.
const MAX_PARTS: usize = 64;

/// Two lists of texts whose lengths multiply to more are not compared.
const MAX_COMPARED: usize = 1 << 20;

/// Direction and kind, where they are known, and matchers that all hold.
#[derive(Clone, Debug)]
pub(super) struct Facts<'a> {
    pub(super) direction: Option<Direction>,
    pub(super) kind: Option<Kind>,
    pub(super) parts: Vec<&'a Matcher>,
    pub(super) scope: Option<&'a Scope>,
}

/// A fact about a message that a matcher may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Method,
    Session,
    Principal,
    Upstream,
    Client,
    Component,
}

impl Fact {
    pub(super) const ALL: [Self; 6] =
        [Self::Method, Self::Session, Self::Principal, Self::Upstream, Self::Client, Self::Component];

    /// What a matcher itself says of it.
    pub(super) fn of(self, matcher: &Matcher) -> Option<&Text> {
        match self {
            Self::Method => &matcher.method,
            Self::Session => &matcher.session,
            Self::Principal => &matcher.principal,
            Self::Upstream => &matcher.upstream,
            Self::Client => &matcher.client,
            Self::Component => &matcher.component,
        }
        .as_ref()
    }

    pub(super) fn of_scope(self, scope: &Scope) -> Option<&Text> {
        match (self, scope) {
            (Self::Session, Scope::Session(text))
            | (Self::Principal, Scope::Principal(text))
            | (Self::Upstream, Scope::Upstream(text))
            | (Self::Client, Scope::Client(text))
            | (Self::Component, Scope::Component(text)) => Some(text),
            _ => None,
        }
    }
}

impl<'a> Facts<'a> {
    pub(super) fn of(matcher: &'a Matcher) -> Self {
        let (direction, kind) = matcher.phase();
        let mut facts = Self { direction, kind, parts: Vec::new(), scope: None };
        facts.add(matcher);
        facts
    }

    /// And this matcher holds, with all that it is made of.
    pub(super) fn and(&self, matcher: &'a Matcher) -> Self {
        let mut facts = self.clone();
        facts.add(matcher);
        facts
    }

    fn add(&mut self, matcher: &'a Matcher) {
        if self.parts.len() == MAX_PARTS {
            return;
        }
        self.parts.push(matcher);
        self.kind = self.kind.or(matcher.kind);
        self.direction = self.direction.or(matcher.direction);
        let only = matcher.any.as_deref().filter(|any| any.len() == 1).unwrap_or_default();
        for part in matcher.all.iter().chain(only) {
            self.add(part);
        }
    }

    pub(super) fn conditions(&self) -> impl Iterator<Item = &'a Condition> {
        self.parts.iter().flat_map(|part| &part.conditions)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = (Named, &'a Text)> {
        self.parts.iter().filter_map(|part| part.name.as_ref()).map(|(named, text)| (*named, text))
    }

    /// All that is said of one fact, by the scope too.
    pub(super) fn texts(&self, fact: Fact) -> Vec<&'a Text> {
        let said = self.parts.iter().filter_map(|part| fact.of(part));
        said.chain(self.scope.and_then(|scope| fact.of_scope(scope))).collect()
    }
}

/// How much there is to be compared of a matcher.
pub(super) fn weight(matcher: &Matcher) -> u64 {
    let texts =
        Fact::ALL.iter().filter_map(|fact| fact.of(matcher)).chain(matcher.name.as_ref().map(|name| &name.1));
    let own: usize = texts.map(Text::len).sum::<usize>() + matcher.conditions.len() + 1;
    let parts = matcher.all.iter().chain(matcher.any.iter().flatten()).chain(&matcher.not);
    parts.map(weight).fold(own as u64, u64::saturating_add)
}

/// Whether surely no text matches both.
pub(crate) fn exclude(one: &Text, other: &Text) -> bool {
    one.len().saturating_mul(other.len()) <= MAX_COMPARED && one.excludes(other)
}

/// Whether `wide` surely matches all that `narrow` does.
pub(crate) fn cover(wide: &Text, narrow: &Text) -> bool {
    wide.len().saturating_mul(narrow.len()) <= MAX_COMPARED && wide.covers(narrow)
}
