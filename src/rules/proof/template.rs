//! Templates that can never be filled in, and captured values that nothing uses.

use std::collections::HashSet;

use serde_json::Value;

use super::{Found, Part};
use crate::rules::file::suggest::nearest;
use crate::rules::{Action, Answer, ProblemKind, Rule, Step, Template};

/// What every template may name without a capture; a captured value of such a name comes first.
const BUILT_IN: [&str; 9] =
    ["method", "tool", "prompt", "uri", "id", "session", "principal", "component", "occurrence"];

pub(super) fn look_at(rule: &Rule, found: &mut Found) {
    let mut names = HashSet::new();
    for capture in &rule.captures {
        let name = capture.name.as_str();
        let what = if !is_name(name) {
            format!("{name:?} is no name for a captured value: use letters, digits and `_`")
        } else if !names.insert(name) {
            format!("two captured values are called {name:?}; rename one")
        } else {
            continue;
        };
        found.push((Part::Captures, ProblemKind::Senseless, what));
    }
    let mut used = HashSet::new();
    for template in templates(&rule.action) {
        if let Err(what) = walk(&template.0, &mut used) {
            found.push((Part::Action, ProblemKind::Senseless, what));
        }
    }
    let unknown = used.iter().find(|name| !names.contains(**name) && !BUILT_IN.contains(name));
    if let Some(unknown) = unknown {
        let what = match nearest(unknown, names.iter().copied().chain(BUILT_IN)) {
            Some(meant) => format!("nothing called {unknown:?} is captured; did you mean {meant:?}?"),
            None => format!("nothing called {unknown:?} is captured; add it to `capture`"),
        };
        found.push((Part::Action, ProblemKind::Senseless, what));
    }
    if let Some(unused) = names.iter().find(|name| !used.contains(**name)) {
        let what =
            format!("nothing uses the captured value {unused:?}; write {{{{{unused}}}}}, or remove it");
        found.push((Part::Captures, ProblemKind::Doubtful, what));
    }
}

fn templates(action: &Action) -> Vec<&Template> {
    match action {
        Action::Rewrite(rewrite) => rewrite.steps.iter().filter_map(of_step).collect(),
        Action::Mock(mock) => mock.answers.iter().filter_map(of_answer).collect(),
        _ => Vec::new(),
    }
}

fn of_step(step: &Step) -> Option<&Template> {
    match step {
        Step::Set(_, value) | Step::Replace(_, value) | Step::Merge(_, value) => Some(value),
        Step::Remove(_) => None,
    }
}

fn of_answer(answer: &Answer) -> Option<&Template> {
    match answer {
        Answer::Result(value) | Answer::Error { data: Some(value), .. } => Some(value),
        _ => None,
    }
}

fn walk<'v>(value: &'v Value, used: &mut HashSet<&'v str>) -> Result<(), String> {
    match value {
        Value::String(text) => names_in(text, used),
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, used)),
        Value::Object(members) => members.values().try_for_each(|member| walk(member, used)),
        _ => Ok(()),
    }
}

fn names_in<'v>(text: &'v str, used: &mut HashSet<&'v str>) -> Result<(), String> {
    let mut rest = text;
    while let Some((_, place)) = rest.split_once("{{") {
        if let Some(after) = place.strip_prefix("{{") {
            rest = after;
            continue;
        }
        let (name, after) = place.split_once("}}").unwrap_or_default();
        let name = name.trim();
        if !is_name(name) {
            let shown: String = place.chars().take(20).collect();
            return Err(format!(
                "`{{{{{shown}` is no place for a captured value (`{{{{name}}}}`); `{{{{{{{{` stands for `{{{{` itself"
            ));
        }
        used.insert(name);
        rest = after;
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.trim() == name && !name.contains(['{', '}'])
}
