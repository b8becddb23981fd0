//! Files of rules, for the tests that read them.

#![allow(dead_code, unused_imports, reason = "each test uses some of it")]

mod malformed;

pub(crate) use malformed::malformed;

use serde_json::Value;
use shadowcat::rules::{Loaded, Problems, RuleSet, Seen};
use shadowcat::{Direction, JsonRpcMessage};

pub(crate) const SEEDS: &str = include_str!("../rules/seeds.yaml");
pub(crate) const EVERY: &str = include_str!("../rules/every.yaml");

pub(crate) fn yaml(text: &str) -> Result<Loaded, Problems> {
    RuleSet::from_yaml("r.yaml", text)
}

/// A file of one rule, by its fields in YAML's flow style.
pub(crate) fn rule(fields: &str) -> String {
    format!("rules:\n- {{id: a, {fields}}}\n")
}

/// The ids of the rules that a request meets.
pub(crate) fn met(rules: &RuleSet, method: &str, params: &Value) -> Vec<String> {
    let message = JsonRpcMessage::request(1, method, params.to_string()).unwrap();
    let seen = Seen::new(&message, Direction::ToUpstream);
    let (mut at, mut ids) = (None, Vec::new());
    while let Some(found) = rules.next(at, &seen).unwrap() {
        ids.push(found.rule().id().to_owned());
        at = Some(found.position());
    }
    ids
}

/// YAML as JSON, by a way that is not the crate's.
pub(crate) fn as_json(text: &str) -> Value {
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { strict_booleans: true }).unwrap()
}
