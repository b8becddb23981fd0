//! Rules, their scopes, captures and occurrences.

use std::collections::HashMap;
use std::sync::Arc;

use super::node::{Node, Tree};
use super::reader::{MAX_INTEGER, MAX_LIST, Object, Reader, optional};
use crate::rules::proof::Part;
use crate::rules::{Action, Location, Matcher, Place, Rule, Scope, Text};

const RULE: [&str; 8] = ["id", "description", "enabled", "priority", "scope", "matcher", "capture", "action"];

const SCOPES: [&str; 5] = ["upstream", "client", "principal", "component", "session"];

/// An id has at most so many characters.
const MAX_ID: usize = 256;

/// A rule as it was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) rule: Rule,
    pub(super) is_enabled: bool,
    pub(super) places: Places,
}

/// Where the parts of a rule stand.
#[derive(Debug)]
pub(super) struct Places {
    rule: Location,
    matcher: Location,
    conditions: Vec<Location>,
    captures: Option<Location>,
    action: Location,
}

impl Places {
    pub(super) fn of(&self, part: Part) -> Location {
        match part {
            Part::Rule => self.rule,
            Part::Matcher => self.matcher,
            Part::Condition(at) => self.conditions.get(at).copied().unwrap_or(self.matcher),
            Part::Captures => self.captures.unwrap_or(self.rule),
            Part::Action => self.action,
        }
    }
}

/// A name with a path, and whether it is one of the request's.
type Capture = (String, Place, bool);

impl Reader {
    /// A rule without any error; `ids` tells where each id was first read.
    pub(super) fn rule(&mut self, node: &Node, ids: &mut HashMap<Arc<str>, Location>) -> Option<Read> {
        let errors = self.problems.errors();
        self.rule = id_of(node).map(Arc::from);
        let object = self.object(node, "a rule", &RULE);
        let read = object.and_then(|object| self.rule_of(&object, node.at, ids));
        self.rule = None;
        read.filter(|_| self.problems.errors() == errors)
    }

    /// Every part is read, so that every problem is told.
    fn rule_of(
        &mut self,
        object: &Object<'_>,
        at: Location,
        ids: &mut HashMap<Arc<str>, Location>,
    ) -> Option<Read> {
        let id = self.id(object, ids);
        let description = optional(object.get("description"), |node| self.text(node));
        let is_enabled = optional(object.get("enabled"), |node| self.bool(node));
        let least = i64::from(i32::MIN)..=i64::from(i32::MAX);
        let priority = optional(object.get("priority"), |node| self.integer(node, least));
        let scope = optional(object.get("scope"), |node| self.scope(node));
        let captures = optional(object.get("capture"), |node| self.captures(node));
        let matcher_at = self.need(object, "a rule", "matcher");
        let matcher = matcher_at.and_then(|node| self.rule_matcher(node));
        let occurrences = matcher.as_ref().and_then(|(_, object)| self.occurrences(object));
        let action_at = self.need(object, "a rule", "action");
        let action = action_at.and_then(|node| self.action(node));

        let ((matcher, conditions), _) = matcher?;
        let places = Places {
            rule: at,
            matcher: matcher_at?.at,
            conditions,
            captures: object.get("capture").map(|node| node.at),
            action: action_at?.at,
        };
        let rule = rule(id?, matcher, action?, captures?.unwrap_or_default());
        let rule = occurrences?(rule).scope(scope?.unwrap_or_default());
        let rule = rule.priority(priority?.map_or(0, |priority| i32::try_from(priority).unwrap_or_default()));
        let rule = match description? {
            Some(description) => rule.describe(description),
            None => rule,
        };
        Some(Read { rule, is_enabled: is_enabled?.unwrap_or(true), places })
    }

    /// Its id, which no other rule of the file has.
    pub(crate) fn id<'n>(
        &mut self,
        object: &Object<'n>,
        ids: &mut HashMap<Arc<str>, Location>,
    ) -> Option<&'n str> {
        let node = self.need(object, "a rule", "id")?;
        let id = self.text(node)?;
        if id.is_empty() || id.chars().count() > MAX_ID || id.contains(char::is_control) {
            let what = format!("an id has 1 to {MAX_ID} characters, and no control characters");
            return self.wrong(node.at, what);
        }
        match ids.insert(id.into(), node.at) {
            Some(first) => {
                self.wrong(node.at, format!("the rule in line {} has this id, too; rename one", first.line))
            }
            None => Some(id),
        }
    }

    /// `global`, or a mapping of one.
    fn scope(&mut self, node: &Node) -> Option<Scope> {
        if let Tree::Text(_) = &node.tree {
            return self.word(node, "scope", &[("global", ())]).map(|()| Scope::Global);
        }
        let object = self.object(node, "a scope", &SCOPES)?;
        let (name, text) = self.only(&object, "a scope", &SCOPES)?;
        let scope: fn(Text) -> Scope = match name {
            "upstream" => Scope::Upstream,
            "client" => Scope::Client,
            "principal" => Scope::Principal,
            "component" => Scope::Component,
            _ => Scope::Session,
        };
        self.pattern(text).map(scope)
    }

    fn captures(&mut self, node: &Node) -> Option<Vec<Capture>> {
        let members = self.members(node, "`capture`")?;
        if members.len() > MAX_LIST {
            return self.wrong(node.at, format!("a rule captures at most {MAX_LIST} values"));
        }
        let all: Vec<Option<Capture>> = members
            .iter()
            .map(|(key, node)| {
                if let Tree::Map(_) = &node.tree {
                    let object = self.object(node, "a capture", &["request"])?;
                    let path = self.need(&object, "a capture", "request")?;
                    return Some((key.name.clone(), self.place(path)?, true));
                }
                Some((key.name.clone(), self.place(node)?, false))
            })
            .collect();
        all.into_iter().collect()
    }

    /// What `probability` and `nth` make of a rule.
    fn occurrences(&mut self, object: &Object<'_>) -> Option<impl FnOnce(Rule) -> Rule + use<>> {
        let chance = optional(object.get("probability"), |node| self.probability(node));
        let nth = optional(object.get("nth"), |node| self.nth(node));
        let (chance, nth) = (chance?, nth?);
        Some(move |rule: Rule| {
            let [from, every, until] = nth.unwrap_or_default();
            let rule = chance.into_iter().fold(rule, Rule::chance);
            let rule = from.into_iter().fold(rule, Rule::from);
            let rule = every.into_iter().fold(rule, Rule::every);
            until.into_iter().fold(rule, Rule::until)
        })
    }

    fn probability(&mut self, node: &Node) -> Option<f64> {
        let chance = self.number(node)?;
        match (0.0..=1.0).contains(&chance) {
            true => Some(chance),
            false => self.wrong(node.at, format!("a probability is a number from 0 to 1, not {chance}")),
        }
    }

    /// A number, or from, every and until.
    fn nth(&mut self, node: &Node) -> Option<[Option<u64>; 3]> {
        if let Tree::Number(_) = &node.tree {
            let n = self.count(node, 1, MAX_INTEGER)?;
            return Some([Some(n), None, Some(n)]);
        }
        let names = ["from", "every", "until"];
        let object = self.object(node, "`nth`", &names)?;
        if object.present(&names).is_empty() {
            return self.wrong(node.at, "`nth` is a number, or has one or more of from, every, until");
        }
        let [from, every, until] =
            names.map(|name| optional(object.get(name), |node| self.count(node, 1, MAX_INTEGER)));
        Some([from?, every?, until?])
    }
}

/// Before anything else is known of it.
pub(crate) fn id_of(node: &Node) -> Option<&str> {
    let Tree::Map(members) = &node.tree else { return None };
    let id = members.iter().find(|(key, _)| key.name == "id").map(|(_, id)| &id.tree);
    id.and_then(|id| if let Tree::Text(id) = id { Some(id.as_str()) } else { None })
}

fn rule(id: &str, matcher: Matcher, action: Action, captures: Vec<Capture>) -> Rule {
    captures.into_iter().fold(Rule::new(id, matcher, action), |rule, (name, place, of_request)| {
        match of_request {
            true => rule.capture_of_request(&name, place),
            false => rule.capture(&name, place),
        }
    })
}
