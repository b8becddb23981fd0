//! What a monitor counts of the calls that a log tells of.

use std::time::Duration;

use shadowcat::monitor::{Invocations, Tally};
use shadowcat::wassette::log::{self, Event};

fn see(seen: &mut Invocations, seconds: u32, what: &str, fields: &str) {
    let line = format!("2026-11-20T22:41:{seconds:02}Z  INFO mcp_server::components: {what} {fields}");
    seen.see(&log::parse(&line));
}

const STARTED: &str = "Component function invocation started";
const COMPLETED: &str = "Component function invocation completed successfully";
const FAILED: &str = "Component function invocation failed";

#[test]
fn calls_of_one_tool_at_once_are_timed_together() {
    let mut seen = Invocations::default();
    let add = "function_name=add component_id=sums";
    see(&mut seen, 10, STARTED, add);
    see(&mut seen, 11, STARTED, add);
    see(&mut seen, 12, STARTED, "function_name=add component_id=other");
    see(&mut seen, 14, COMPLETED, add);
    see(&mut seen, 17, FAILED, add);
    let tallies: Vec<_> =
        seen.tools().map(|(tool, tally)| (tool.component.clone().unwrap(), tally)).collect();
    assert_eq!(tallies[0].0, "other");
    assert_eq!((tallies[0].1.calls, tallies[0].1.timed), (1, 0));
    let sums = tallies[1].1;
    assert_eq!((sums.calls, sums.returned, sums.failed, sums.timed), (2, 1, 1, 2));
    assert_eq!(sums.time, Duration::from_secs(10));
    assert_eq!((seen.total().calls, seen.total().time), (3, sums.time));
}

#[test]
fn an_end_without_a_begin_or_before_it_is_counted_and_not_timed() {
    let mut seen = Invocations::default();
    let add = "function_name=add component_id=sums";
    see(&mut seen, 10, COMPLETED, add);
    see(&mut seen, 20, STARTED, add);
    see(&mut seen, 19, COMPLETED, add);
    let total = seen.total();
    assert_eq!((total.calls, total.returned, total.timed, total.time), (1, 2, 0, Duration::ZERO));
}

#[test]
fn a_thousand_tools_and_many_open_calls_stay_bounded() {
    let mut seen = Invocations::default();
    for tool in 0..1000 {
        see(&mut seen, 1, STARTED, &format!("function_name=tool{tool} component_id=c"));
    }
    see(&mut seen, 1, STARTED, &format!("function_name={} component_id=c", "n".repeat(300)));
    see(&mut seen, 1, STARTED, "component_id=c");
    assert_eq!(seen.tools().count(), 256);
    assert_eq!((seen.total().calls, seen.others().calls), (1002, 1002 - 256));
    for _ in 0..200 {
        see(&mut seen, 1, STARTED, "function_name=tool0 component_id=c");
    }
    for _ in 0..200 {
        see(&mut seen, 2, COMPLETED, "function_name=tool0 component_id=c");
    }
    let (_, tally) = seen.tools().find(|(tool, _)| tool.name == "tool0").unwrap();
    assert_eq!((tally.calls, tally.returned, tally.timed), (201, 200, 64));
}

#[test]
fn what_manages_components_is_no_invocation() {
    let line = log::parse("2026-11-20T22:41:40Z ERROR mcp_server::tools: Tool call failed error=x");
    assert!(matches!(line.event(), Event::ToolFailed { .. }));
    let mut seen = Invocations::default();
    seen.see(&line);
    assert_eq!(seen.total(), Tally::default());
}
