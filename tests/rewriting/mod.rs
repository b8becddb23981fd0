//! What a rule's rewrite makes of a message.

use serde_json::Value;
use shadowcat::rules::{Action, Matcher, NotRewritten, Place, Rewrite, Rule, RuleSet, Seen, Step, Template};
use shadowcat::{Direction, JsonRpcMessage, Kind, Pointer};

pub(crate) fn at(pointer: &str) -> Place {
    Place::from(pointer.parse::<Pointer>().unwrap())
}

pub(crate) fn to(value: Value) -> Template {
    Template::from(value)
}

/// What a rule with these steps, which captures `n`, makes of it.
pub(crate) fn rewritten(message: &JsonRpcMessage, steps: Vec<Step>) -> Result<JsonRpcMessage, NotRewritten> {
    let mut rewrite = Rewrite::default();
    rewrite.steps = steps;
    let direction =
        if message.kind() == Kind::Response { Direction::ToClient } else { Direction::ToUpstream };
    let matcher = Matcher::new().kind(message.kind()).direction(direction);
    let rule = Rule::new("r", matcher, Action::Pass).capture("n", at("/params/arguments/n"));
    let rules = RuleSet::new([rule]).unwrap();
    let seen = Seen::new(message, direction).session("s-1").principal("alice");
    let matched = rules.next(None, &seen).unwrap().unwrap();
    rewrite.apply(message, &matched.values(&seen))
}
