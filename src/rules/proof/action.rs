//! Actions that have no effect, or make no sense for their messages.

use super::conditions::{absent, no_member};
use super::{Found, Part, rewrite};
use crate::message::Kind;
use crate::protocol::method;
use crate::rules::{Action, Answer, Block, Failure, Fault, Mock, ProblemKind, Rule};

pub(super) fn look_at(rule: &Rule, found: &mut Found) {
    let (_, kind) = rule.matcher.phase();
    let what = match &rule.action {
        Action::Rewrite(action) => rewrite::senseless(action, kind),
        Action::Mock(mock) => of_mock(mock, rule, kind),
        Action::Fault(fault) => of_fault(fault, kind),
        Action::Block(block) => of_block(block, rule),
        Action::Tag(tags) if tags.is_empty() => Some("it has no tags; add one".to_owned()),
        _ => None,
    };
    found.extend(what.map(|what| (Part::Action, ProblemKind::Senseless, what)));
    for capture in rule.captures.iter().filter(|capture| !capture.of_request) {
        let never = no_member(&capture.place).or_else(|| absent(&capture.place, kind?));
        found.extend(never.map(|what| (Part::Captures, ProblemKind::Senseless, what)));
    }
    for capture in rule.captures.iter().filter(|capture| capture.of_request) {
        let never = no_member(&capture.place).or_else(|| absent(&capture.place, Kind::Request));
        found.extend(never.map(|what| (Part::Captures, ProblemKind::Senseless, what)));
    }
}

fn of_mock(mock: &Mock, rule: &Rule, kind: Option<Kind>) -> Option<String> {
    if mock.answers.is_empty() {
        return Some("it has no answers; add one".to_owned());
    }
    match kind {
        Some(Kind::Response) => {
            return Some("a response is not answered; use `rewrite`, or match the request".to_owned());
        }
        Some(Kind::Notification) => {
            return Some("a notification is not answered; use `block` to drop it".to_owned());
        }
        _ => {}
    }
    let tools = mock.answers.iter().any(|answer| matches!(answer, Answer::ToolError(_)));
    (tools && is_no_tool(rule)).then(|| "`tool_error` answers `tools/call` only; use `error`".to_owned())
}

fn of_block(block: &Block, rule: &Rule) -> Option<String> {
    (block.as_tool_error && is_no_tool(rule))
        .then(|| "`as_tool_error` is for `tools/call` only; leave it out".to_owned())
}

/// Whether surely none of its messages is a call of a tool.
fn is_no_tool(rule: &Rule) -> bool {
    rule.matcher.methods().is_some_and(|methods| !methods.contains(&method::TOOLS_CALL))
}

fn of_fault(fault: &Fault, kind: Option<Kind>) -> Option<String> {
    let what = match &fault.failure {
        None if fault.delay.is_zero() && fault.jitter.is_zero() => {
            "nothing goes wrong; add a delay or a failure"
        }
        Some(Failure::Reorder(_)) if kind.is_some_and(|kind| kind != Kind::Notification) => {
            "only notifications are put in another order; match `kind: notification`"
        }
        Some(Failure::Reorder(0 | 1)) => "at least 2 are needed for another order",
        Some(Failure::Corrupt(0) | Failure::Duplicate(0) | Failure::Flood(0)) => "0 of them have no effect",
        _ => return None,
    };
    Some(what.to_owned())
}
