//! Rules in their order, found by what a message is.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value};

use super::index::Index;
use super::rule::Rule;
use super::seen::{Seen, Undecided};
use crate::message::{Direction, Kind};

/// Rules that are asked in order: by priority, then the narrower scope first, then as they were given.
///
/// How many there are matters little: they are found by method, and by the name of tool, prompt or resource.
///
/// ```
/// use shadowcat::{Direction, JsonRpcMessage};
/// use shadowcat::rules::{Action, Matcher, Rule, RuleSet, Seen, Text};
///
/// let rules = RuleSet::new([
///     Rule::new("calls", Matcher::new().method(Text::exact("tools/call")), Action::Hold),
///     Rule::new("add", Matcher::new().tool(Text::exact("add")), Action::Pass).priority(1),
/// ])?;
/// let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"add"}"#)?;
/// let seen = Seen::new(&call, Direction::ToUpstream);
/// let first = rules.next(None, &seen)?.expect("a rule is for it");
/// assert_eq!(first.rule().id(), "add");
/// let second = rules.next(Some(first.position()), &seen)?.expect("so is another");
/// assert_eq!(second.rule().id(), "calls");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RuleSet {
    entries: Vec<Entry>,
    index: Index,
    /// For the client's name, for the component of a tool.
    asks: (bool, bool),
    seed: u64,
}

#[derive(Debug)]
struct Entry {
    rule: Rule,
    /// Messages that its matcher matched.
    matched: AtomicU64,
    /// Messages that it was for.
    taken: AtomicU64,
}

/// Two rules have one id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two rules are called {0:?}")]
pub struct IdTaken(pub String);

/// A place in the order of a [`RuleSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub(super) u32);

/// A rule that is for a message.
#[derive(Debug)]
pub struct Matched<'r> {
    rule: &'r Rule,
    position: Position,
    occurrence: u64,
    captures: Map<String, Value>,
}

/// How often a rule was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Messages that its matcher matched.
    pub matched: u64,
    /// Those of them that it was for, by occurrence and chance.
    pub taken: u64,
}

impl RuleSet {
    /// These rules.
    ///
    /// # Errors
    ///
    /// Two have one id.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Result<Self, IdTaken> {
        let mut rules: Vec<Rule> = rules.into_iter().collect();
        let mut ids = HashSet::new();
        if let Some(twice) = rules.iter().find(|rule| !ids.insert(rule.id())) {
            return Err(IdTaken(twice.id.clone()));
        }
        rules.sort_by_key(|rule| std::cmp::Reverse((rule.priority, rule.scope.narrowness())));
        let index = Index::new(&rules);
        let asks = (rules.iter().any(Rule::asks_for_client), rules.iter().any(Rule::asks_for_component));
        let entries = rules.into_iter().map(Entry::new).collect();
        Ok(Self { entries, index, asks, seed: fastrand::u64(..) })
    }

    /// What happens by chance is the same at each run.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The first rule after a position that is for the message; from the beginning, without one. It counts.
    ///
    /// # Errors
    ///
    /// It cannot be told; see [`Undecided`].
    pub fn next(&self, after: Option<Position>, seen: &Seen<'_>) -> Result<Option<Matched<'_>>, Undecided> {
        let from = after.map_or(0, |position| position.0 + 1);
        let Some(found) = self.index.find(seen.direction(), seen.message().kind(), seen.method()) else {
            return Ok(None);
        };
        let name = if found.has_names() { seen.name()? } else { None };
        for at in found.candidates(name, from) {
            let entry = &self.entries[at as usize];
            if let Some(occurrence) = entry.take(seen, self.seed ^ u64::from(at))? {
                let captures = entry.captures(seen)?;
                return Ok(Some(Matched { rule: &entry.rule, position: Position(at), occurrence, captures }));
            }
        }
        Ok(None)
    }

    /// Whether any rule could be for messages of this direction, kind and method: a look at the envelope.
    pub fn concerns(&self, seen: &Seen<'_>) -> bool {
        self.index.find(seen.direction(), seen.message().kind(), seen.method()).is_some()
    }

    /// The same, of what is not here yet.
    pub(crate) fn has_any(&self, direction: Direction, kind: Kind, method: Option<&str>) -> bool {
        self.index.find(direction, kind, method).is_some()
    }

    /// Whether a rule asks for the client's name.
    pub(crate) fn asks_for_clients(&self) -> bool {
        self.asks.0
    }

    /// Whether a rule asks for the component of a tool.
    pub(crate) fn asks_for_components(&self) -> bool {
        self.asks.1
    }

    /// The rules in their order.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.entries.iter().map(|entry| &entry.rule)
    }

    /// How often each rule was asked for, by id.
    pub fn counts(&self) -> impl Iterator<Item = (&str, Counts)> {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        self.entries.iter().map(move |entry| {
            (entry.rule.id(), Counts { matched: read(&entry.matched), taken: read(&entry.taken) })
        })
    }
}

impl Entry {
    fn new(rule: Rule) -> Self {
        Self { rule, matched: AtomicU64::new(0), taken: AtomicU64::new(0) }
    }

    /// The how-manieth taking this is, if the rule is for the message.
    fn take(&self, seen: &Seen<'_>, seed: u64) -> Result<Option<u64>, Undecided> {
        if !self.rule.scope.holds(seen) || !self.rule.matcher.holds(seen)? {
            return Ok(None);
        }
        let n = self.matched.fetch_add(1, Ordering::Relaxed) + 1;
        let taken = self.rule.occurrences.take(n, seed);
        Ok(taken.then(|| self.taken.fetch_add(1, Ordering::Relaxed)))
    }

    fn captures(&self, seen: &Seen<'_>) -> Result<Map<String, Value>, Undecided> {
        let mut captures = Map::new();
        for capture in &self.rule.captures {
            let found = match capture.of_request {
                true => capture.place.values(seen.request_document()?).first().map(|value| (*value).clone()),
                false => capture.place.values(seen.document()?).first().map(|value| (*value).clone()),
            };
            captures.extend(found.map(|value| (capture.name.clone(), value)));
        }
        Ok(captures)
    }
}

impl<'r> Matched<'r> {
    /// The rule.
    pub fn rule(&self) -> &'r Rule {
        self.rule
    }

    /// Where it stands, to go on from.
    pub fn position(&self) -> Position {
        self.position
    }

    /// How many messages it was for before this one.
    pub fn occurrence(&self) -> u64 {
        self.occurrence
    }

    /// What it captured, by name. What was not found is not there.
    pub fn captures(&self) -> &Map<String, Value> {
        &self.captures
    }
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rules().map(Rule::id)).finish()
    }
}
