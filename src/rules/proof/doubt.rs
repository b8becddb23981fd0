//! What may be meant, but does not look so.

use super::facts::Fact;
use super::{Found, Part};
use crate::protocol::method;
use crate::rules::file::suggest::nearest;
use crate::rules::{Matcher, ProblemKind, Rule, Scope, Text};

pub(super) fn look_at(rule: &Rule, found: &mut Found) {
    let mut say = |part, what: String| found.push((part, ProblemKind::Doubtful, what));
    let mut texts = Vec::new();
    collect(&rule.matcher, &mut texts);
    if let Some(pattern) = texts.iter().filter_map(|(_, text)| looks_like_pattern(text)).next() {
        say(Part::Matcher, pattern);
    }
    if let Scope::Upstream(text)
    | Scope::Client(text)
    | Scope::Principal(text)
    | Scope::Component(text)
    | Scope::Session(text) = &rule.scope
        && let Some(pattern) = looks_like_pattern(text)
    {
        say(Part::Rule, pattern);
    }
    let methods = texts.iter().filter(|(is_method, _)| *is_method).filter_map(|(_, text)| text.exacts());
    if let Some(slip) = methods.flatten().find_map(slip) {
        say(Part::Matcher, slip);
    }
}

/// Every text of a matcher, and whether it is a method.
fn collect<'a>(matcher: &'a Matcher, texts: &mut Vec<(bool, &'a Text)>) {
    texts.extend(Fact::ALL.iter().filter_map(|fact| Some((*fact == Fact::Method, fact.of(matcher)?))));
    texts.extend(matcher.name.iter().map(|(_, text)| (false, text)));
    let parts = matcher.all.iter().chain(matcher.any.iter().flatten()).chain(&matcher.not);
    parts.for_each(|part| collect(part, texts));
}

fn looks_like_pattern(text: &Text) -> Option<String> {
    let exacts = text.exacts()?;
    let (text, meant) = exacts.iter().find_map(|text| Some((*text, pattern(text)?)))?;
    Some(format!("{text:?} is compared as it stands; for a pattern, write {{\"{meant}\": {text:?}}}"))
}

fn pattern(text: &str) -> Option<&'static str> {
    let is_regex =
        [".*", ".+", "\\d", "\\w", "\\s", "\\.", "[a-z", "[0-9"].iter().any(|sign| text.contains(sign))
            || (text.starts_with('^') || text.ends_with('$'))
            || (text.contains('(') && text.contains('|'));
    if is_regex { Some("regex") } else { text.contains('*').then_some("glob") }
}

fn slip(method: &str) -> Option<String> {
    if method::ALL.contains(&method) {
        return None;
    }
    let meant = nearest(method, method::ALL).filter(|meant| is_a_slip(method, meant))?;
    Some(format!("MCP has no method {method:?}; did you mean {meant:?}?"))
}

/// Other methods may well be near; the whole of both is a letter or two apart.
fn is_a_slip(method: &str, meant: &str) -> bool {
    method.len().abs_diff(meant.len()) <= 2
}
