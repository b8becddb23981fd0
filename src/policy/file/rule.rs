//! One rule.

use std::collections::HashMap;
use std::sync::Arc;

use crate::policy::{For, Rule, Target, Verdict};
use crate::rules::file::node::Node;
use crate::rules::file::reader::{MAX_LIST, Object, Reader, optional};
use crate::rules::file::rule::id_of;
use crate::rules::{Location, Text};

const RULE: [&str; 14] = [
    "id",
    "description",
    "enabled",
    "effect",
    "tool",
    "prompt",
    "resource",
    "method",
    "component",
    "for",
    "where",
    "if",
    "priority",
    "dry_run",
];

const WHAT: &str = "a rule of a policy";

const TARGETS: [&str; 5] = ["tool", "prompt", "resource", "method", "component"];

const EFFECTS: [(&str, Verdict); 2] = super::DEFAULTS;

/// Whom a rule is for, by one field.
type Whom = (&'static str, fn(For, Text) -> For);

const WHOM: [Whom; 4] = [
    ("principal", For::principal),
    ("session", For::session),
    ("client", For::client),
    ("upstream", For::upstream),
];

/// A rule as it was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) rule: Rule,
    pub(super) is_enabled: bool,
    pub(super) at: Location,
}

impl Reader {
    /// A rule without any error; `ids` tells where each id was first read.
    pub(super) fn policy_rule(&mut self, node: &Node, ids: &mut HashMap<Arc<str>, Location>) -> Option<Read> {
        let errors = self.problems.errors();
        self.rule = id_of(node).map(Arc::from);
        let object = self.object(node, WHAT, &RULE);
        let read = object.and_then(|object| self.policy_rule_of(&object, node.at, ids));
        self.rule = None;
        read.filter(|_| self.problems.errors() == errors)
    }

    /// Every part is read, so that every problem is told.
    fn policy_rule_of(
        &mut self,
        object: &Object<'_>,
        at: Location,
        ids: &mut HashMap<Arc<str>, Location>,
    ) -> Option<Read> {
        let id = self.id(object, ids);
        let description = optional(object.get("description"), |node| self.text(node));
        let is_enabled = optional(object.get("enabled"), |node| self.bool(node));
        let effect = self.need(object, WHAT, "effect");
        let effect = effect.and_then(|node| self.word(node, "effect", &EFFECTS));
        let target = self.only(object, WHAT, &TARGETS).and_then(|(name, node)| self.target(name, node));
        let only = optional(object.get("for"), |node| self.whom(node));
        let conditions = optional(object.get("where"), |node| {
            let items = self.list(node, MAX_LIST)?;
            self.each(items, Self::condition)
        });
        let least = i64::from(i32::MIN)..=i64::from(i32::MAX);
        let priority = optional(object.get("priority"), |node| self.integer(node, least));
        let is_dry_run = optional(object.get("dry_run"), |node| self.bool(node));
        let expression = optional(object.get("if"), |node| self.expression(node));

        let rule = match effect? {
            Verdict::Allow => Rule::allow(id?, target?),
            Verdict::Deny => Rule::deny(id?, target?),
        };
        let rule = rule.only(only?.unwrap_or_default());
        let rule = rule.priority(priority?.map_or(0, |priority| i32::try_from(priority).unwrap_or_default()));
        let rule = description?.into_iter().fold(rule, Rule::describe);
        let conditions: Vec<_> = conditions?.unwrap_or_default();
        let rule = conditions.into_iter().fold(rule, |rule, (place, test)| rule.when(place, test));
        let rule = if is_dry_run?.unwrap_or_default() { rule.dry_run() } else { rule };
        let rule = with(rule, expression?);
        Some(Read { rule, is_enabled: is_enabled?.unwrap_or(true), at })
    }

    fn target(&mut self, name: &str, node: &Node) -> Option<Target> {
        let target: fn(Text) -> Target = match name {
            "tool" => Target::Tool,
            "prompt" => Target::Prompt,
            "resource" => Target::Resource,
            "method" => Target::Method,
            _ => Target::Component,
        };
        self.pattern(node).map(target)
    }

    fn whom(&mut self, node: &Node) -> Option<For> {
        let names = WHOM.map(|(name, _)| name);
        let object = self.object(node, "`for`", &names)?;
        if object.present(&names).is_empty() && !object.is_meant(&names) {
            return self.wrong(node.at, format!("`for` needs one or more of {}", names.join(", ")));
        }
        let (mut whom, mut is_whole) = (For::everybody(), true);
        for (name, put) in WHOM {
            let Some(node) = object.get(name) else { continue };
            match self.pattern(node) {
                Some(text) => whom = put(whom, text),
                None => is_whole = false,
            }
        }
        is_whole.then_some(whom)
    }

    #[cfg(feature = "cel")]
    fn expression(&mut self, node: &Node) -> Option<crate::policy::Expression> {
        let text = self.text(node)?;
        match crate::policy::Expression::new(text) {
            Ok(expression) => Some(expression),
            Err(error) => self.wrong(node.at, format!("no condition: {error}")),
        }
    }

    #[cfg(not(feature = "cel"))]
    fn expression(&mut self, node: &Node) -> Option<()> {
        self.text(node)?;
        self.wrong(node.at, "expressions need the feature `cel` of shadowcat; use `where`, or turn it on")
    }
}

#[cfg(feature = "cel")]
fn with(rule: Rule, expression: Option<crate::policy::Expression>) -> Rule {
    expression.into_iter().fold(rule, Rule::guard)
}

#[cfg(not(feature = "cel"))]
fn with(rule: Rule, _: Option<()>) -> Rule {
    rule
}
