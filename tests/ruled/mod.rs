//! Stacks with rules in them.

#![allow(dead_code, reason = "each test uses some of it")]

use shadowcat::layer::intercept::Chain;
use shadowcat::layer::rules::Rules;
use shadowcat::rules::{Action, Failure, Fault, Matcher, Place, Rewrite, Rule, RuleSet, Step, Text};
use shadowcat::{Direction, Kind, Pointer};

use super::chain::through;

pub(crate) fn at(pointer: &str) -> Place {
    Place::from(pointer.parse::<Pointer>().unwrap())
}

pub(crate) fn calls() -> Matcher {
    Matcher::new().method(Text::exact("tools/call"))
}

pub(crate) fn results() -> Matcher {
    calls().kind(Kind::Response).direction(Direction::ToClient)
}

pub(crate) fn set(place: &str, value: serde_json::Value) -> Action {
    let mut rewrite = Rewrite::default();
    rewrite.steps = vec![Step::Set(at(place), value.into())];
    Action::Rewrite(rewrite)
}

pub(crate) fn fault(failure: Failure) -> Action {
    let mut fault = Fault::default();
    fault.failure = Some(failure);
    Action::Fault(fault)
}

pub(crate) fn sets(rules: impl IntoIterator<Item = Rule>) -> RuleSet {
    RuleSet::new(rules).unwrap()
}

pub(crate) fn rules(all: impl IntoIterator<Item = Rule>) -> Rules {
    Rules::new(sets(all)).unwrap()
}

pub(crate) fn as_chain(rules: &Rules) -> Chain {
    let chain = Chain::new();
    chain.add("rules", rules.clone()).unwrap();
    chain
}

/// What the client gets for `sent`, and what the server was told.
pub(crate) async fn ruled(rules: &Rules, sent: &str, says: &[&'static str]) -> (Vec<String>, Vec<String>) {
    through(&as_chain(rules), sent, says).await
}
