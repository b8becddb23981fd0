//! Rewrites that have no effect, or that leave no message.

use serde_json::Value;

use super::conditions::{absent, no_member};
use crate::message::Kind;
use crate::rules::{Place, Rewrite, Step, Template};

pub(super) fn senseless(rewrite: &Rewrite, kind: Option<Kind>) -> Option<String> {
    if rewrite.steps.is_empty() {
        return Some("it has no steps; add one".to_owned());
    }
    rewrite.steps.iter().find_map(|step| of_step(step, kind))
}

fn of_step(step: &Step, kind: Option<Kind>) -> Option<String> {
    let place = match step {
        Step::Set(place, _) | Step::Replace(place, _) | Step::Merge(place, _) | Step::Remove(place) => place,
    };
    if place.as_pointer().is_some_and(|pointer| pointer.tokens().len() == 0) {
        return Some("a whole message is not rewritten; name the place inside".to_owned());
    }
    match place.payload() {
        Some(member @ ("jsonrpc" | "id")) => {
            Some(format!("`/{member}` is never rewritten: the peers would lose their answers"))
        }
        _ => no_member(place).or_else(|| absent(place, kind?)).or_else(|| breaks(step, place)),
    }
}

/// What stands directly in a message is more than JSON.
fn breaks(step: &Step, place: &Place) -> Option<String> {
    let pointer = place.as_pointer().filter(|pointer| pointer.tokens().len() == 1)?;
    let member = pointer.tokens().next()?;
    match step {
        Step::Remove(_) if member != "params" => {
            Some(format!("without `/{member}` it is no message; use `set`"))
        }
        Step::Remove(_) => None,
        Step::Set(_, value) | Step::Replace(_, value) => wrong_type(member, value),
        Step::Merge(_, value) if member == "method" || !value.0.is_object() => wrong_type(member, value),
        Step::Merge(..) => None,
    }
}

/// A text may be the place of a captured value.
fn wrong_type(member: &str, Template(value): &Template) -> Option<String> {
    let may_be_captured = value.as_str().is_some_and(|text| text.contains("{{"));
    let (is_right, what) = match member {
        "method" => (value.as_str().is_some_and(|method| !method.is_empty()), "a text"),
        "params" => (value.is_object() || value.is_null(), "an object"),
        "error" => (is_error(value), "an object with a code and a message"),
        _ => (value.is_object(), "an object"),
    };
    (!is_right && !may_be_captured).then(|| format!("`/{member}` of a message is {what}, not {value}"))
}

fn is_error(value: &Value) -> bool {
    let has = |key, test: fn(&Value) -> bool| {
        value
            .get(key)
            .is_some_and(|value| test(value) || value.as_str().is_some_and(|text| text.contains("{{")))
    };
    has("code", Value::is_i64) && has("message", Value::is_string)
}
