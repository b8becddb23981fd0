use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::stamp;
use crate::wassette::log::{Event, LogLine};

/// At most so many tools are counted one by one.
const MAX_TOOLS: usize = 256;
/// In bytes. A tool with a longer name, of its component or its own, is counted with the others.
const MAX_NAME: usize = 256;
/// So many calls of one tool are timed at once; of more, the oldest are not.
const MAX_OPEN: usize = 64;

/// How often components' functions were called, as Wassette's log tells it.
///
/// 256 tools are counted one by one, all others together. Names in a log are chosen by whoever wrote the component:
/// take the numbers as evidence, not as proof.
///
/// ```
/// use shadowcat::monitor::Invocations;
/// use shadowcat::wassette::log;
///
/// let mut seen = Invocations::default();
/// for line in [
///     "2026-11-20T22:41:40.500Z  INFO mcp_server::components: Component function invocation started function_name=add component_id=sums",
///     "2026-11-20T22:41:40.750Z  INFO mcp_server::components: Component function invocation completed successfully function_name=add component_id=sums",
/// ] {
///     seen.see(&log::parse(line));
/// }
/// let (tool, tally) = seen.tools().next().unwrap();
/// assert_eq!((tool.component.as_deref(), tool.name.as_str()), (Some("sums"), "add"));
/// assert_eq!((tally.calls, tally.returned, tally.time.as_millis()), (1, 1, 250));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Invocations {
    total: Tally,
    tools: BTreeMap<Tool, Entry>,
    others: Tally,
}

/// A function of a component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Tool {
    /// Wassette 0.2 does not print it.
    pub component: Option<String>,
    /// As in `tools/list`.
    pub name: String,
}

/// Counts of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Calls that began.
    pub calls: u64,
    /// Calls that came back. Wassette 0.2 prints that at its level debug only.
    pub returned: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls whose begin and end are known.
    pub timed: u64,
    /// How long those took together, by the log's own times.
    pub time: Duration,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    tally: Tally,
    /// When calls began that have not ended. Nothing says which of them a line ends; it is taken for the latest,
    /// so that a call whose end is never printed spoils no other's time. The sum is right in any order.
    open: VecDeque<Duration>,
}

/// What a line told of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Called,
    Returned(Option<Duration>),
    Failed(Option<Duration>),
}

impl Invocations {
    /// Counts what one line tells, if it is about a call.
    pub fn see(&mut self, line: &LogLine) {
        self.step(line);
    }

    /// All calls together.
    pub fn total(&self) -> Tally {
        self.total
    }

    /// Calls by tool, in the order of their names.
    pub fn tools(&self) -> impl Iterator<Item = (&Tool, Tally)> {
        self.tools.iter().map(|(tool, entry)| (tool, entry.tally))
    }

    /// Calls of tools that are not counted one by one, and those whose tool the log does not name. They are not
    /// timed.
    pub fn others(&self) -> Tally {
        self.others
    }

    /// The same as [`see`](Self::see), and says what happened to which tool; `None` stands for the others.
    pub(super) fn step(&mut self, line: &LogLine) -> Option<(Step, Option<Tool>)> {
        let (component, tool, step) = match line.event() {
            Event::Invoked { component, tool } => (component, tool, Step::Called),
            Event::Returned { component, tool } => (component, tool, Step::Returned(None)),
            Event::InvocationFailed { component, tool, .. } => (component, tool, Step::Failed(None)),
            _ => return None,
        };
        let tool = tool.and_then(|name| self.countable(component, name));
        let step = match &tool {
            Some(tool) => self.tools.entry(tool.clone()).or_default().step(step, line),
            None => {
                self.others.count(step);
                step
            }
        };
        self.total.count(step);
        Some((step, tool))
    }

    fn countable(&self, component: Option<&str>, name: &str) -> Option<Tool> {
        let fits = name.len() <= MAX_NAME && component.is_none_or(|component| component.len() <= MAX_NAME);
        let tool = fits.then(|| Tool { component: component.map(str::to_owned), name: name.to_owned() })?;
        (self.tools.len() < MAX_TOOLS || self.tools.contains_key(&tool)).then_some(tool)
    }
}

impl Entry {
    fn step(&mut self, step: Step, line: &LogLine) -> Step {
        let at = line.timestamp.as_deref().and_then(stamp::since_epoch);
        let step = match step {
            Step::Called => {
                self.begin(at);
                step
            }
            Step::Returned(_) => Step::Returned(self.end(at)),
            Step::Failed(_) => Step::Failed(self.end(at)),
        };
        self.tally.count(step);
        step
    }

    fn begin(&mut self, at: Option<Duration>) {
        if self.open.len() == MAX_OPEN {
            self.open.pop_front();
        }
        self.open.extend(at);
    }

    fn end(&mut self, at: Option<Duration>) -> Option<Duration> {
        let begin = self.open.pop_back()?;
        at?.checked_sub(begin)
    }
}

impl Tally {
    fn count(&mut self, step: Step) {
        let took = match step {
            Step::Called => {
                self.calls += 1;
                None
            }
            Step::Returned(took) => {
                self.returned += 1;
                took
            }
            Step::Failed(took) => {
                self.failed += 1;
                took
            }
        };
        self.timed += u64::from(took.is_some());
        self.time = self.time.saturating_add(took.unwrap_or_default());
    }
}
