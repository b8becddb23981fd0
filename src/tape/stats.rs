//! What a tape holds, in numbers.

use std::collections::BTreeMap;
use std::fmt;

use super::exchange::{Exchange, Exchanges};
use super::until_torn::UntilTorn;
use super::{Entry, Histogram, Outcome, Source, TapeError, name};
use crate::shown::{self, is_tool_error};

/// Names of methods, and of tools, that are told apart, and bytes of one: they come from the peer.
const NAMES: usize = 1000;
const NAME: usize = 256;

/// What a tape holds, in numbers. It takes bounded memory, however long the tape is: of 1,000 methods and as many tools,
/// and of 10,000 calls at once.
///
/// ```
/// use std::time::Duration;
/// use shadowcat::tape::{Entry, Stats};
/// use shadowcat::{Direction, JsonRpcMessage};
///
/// let mut stats = Stats::new();
/// let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"echo"}"#)?;
/// stats.add(Entry::message(&call, Direction::ToUpstream));
/// let answer = JsonRpcMessage::response(1, r#"{"content":[]}"#)?;
/// stats.add(Entry::message(&answer, Direction::ToClient).at(Duration::from_millis(3)));
///
/// let echo = &stats.tools["echo"];
/// assert_eq!((echo.calls, echo.errors, echo.times.max()), (1, 0, Duration::from_millis(3)));
/// println!("{stats}");
/// # Ok::<(), shadowcat::ParseError>(())
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Entries of each kind, by its word.
    pub kinds: BTreeMap<&'static str, u64>,
    /// All of them.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Calls that were made, by method, once they are over. Behind a thousand, all others are under an empty name.
    pub methods: BTreeMap<String, CallStats>,
    /// Calls of tools, and of prompts, by their names; others as with methods.
    pub tools: BTreeMap<String, CallStats>,
    /// The tape ends in the middle, as after a crash.
    pub is_torn: bool,
    open: Exchanges,
}

/// Calls of one method, or of one tool.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CallStats {
    /// All of them.
    pub calls: u64,
    /// Answered with an error.
    pub errors: u64,
    /// Answered with a tool's result that says that the tool failed.
    pub tool_errors: u64,
    /// How they ended, where the tape says it.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Bytes of requests.
    pub sent_bytes: u64,
    /// Bytes of answers, and of all that was said within the calls.
    pub received_bytes: u64,
    /// From the request to its answer.
    pub times: Histogram,
}

impl Stats {
    /// Of nothing so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of what is left of a tape.
    ///
    /// ```no_run
    /// use shadowcat::tape::{self, Stats};
    ///
    /// println!("{}", Stats::of(tape::open("session.jsonl")?)?);
    /// # Ok::<(), shadowcat::tape::TapeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It cannot be read further, except that it ends in the middle.
    pub fn of(tape: impl Source) -> Result<Self, TapeError> {
        let mut stats = Self::new();
        let mut entries = UntilTorn::new(tape);
        for entry in &mut entries {
            stats.add(entry?);
        }
        stats.is_torn = entries.is_torn();
        stats.finish();
        Ok(stats)
    }

    /// Counts one more entry.
    pub fn add(&mut self, entry: Entry) {
        self.entries += 1;
        self.bytes += entry.bytes.len() as u64;
        *self.kinds.entry(entry.kind.as_str()).or_default() += 1;
        let message = name::message(&entry);
        for over in self.open.take(entry, message) {
            self.count(&over);
        }
    }

    /// The tape is over: calls without an end are counted.
    pub fn finish(&mut self) {
        for over in std::mem::take(&mut self.open).rest() {
            self.count(&over);
        }
    }

    fn count(&mut self, call: &Exchange) {
        let (method, tool) = call.name();
        slot(&mut self.methods, method).count(call);
        if !tool.is_empty() {
            slot(&mut self.tools, tool).count(call);
        }
    }
}

impl CallStats {
    fn count(&mut self, call: &Exchange) {
        self.calls += 1;
        self.sent_bytes += call.request.bytes.len() as u64;
        self.received_bytes += call.items.iter().map(|item| item.bytes.len() as u64).sum::<u64>();
        let outcome = call.outcome.map(Outcome::as_str);
        *self.outcomes.entry(outcome.unwrap_or("unknown")).or_default() += 1;
        if let Some((answer, message)) = &call.answer {
            self.received_bytes += answer.bytes.len() as u64;
            self.errors += u64::from(message.error().is_some());
            self.tool_errors += u64::from(is_tool_error(message));
        }
        if let Some(took) = call.took() {
            self.times.record(took);
        }
    }
}

fn slot(all: &mut BTreeMap<String, CallStats>, name: String) -> &mut CallStats {
    let is_known = all.contains_key(&name);
    let is_other = !is_known && (all.len() >= NAMES || name.len() > NAME);
    all.entry(if is_other { String::new() } else { name }).or_default()
}

impl fmt::Display for Stats {
    /// Lines for people; what a stranger wrote cannot drive a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let torn = if self.is_torn { ", torn" } else { "" };
        writeln!(f, "entries: {} with {} B{torn}", self.entries, self.bytes)?;
        self.kinds.iter().try_for_each(|(kind, count)| writeln!(f, "  {kind}: {count}"))?;
        for (what, all) in [("methods", &self.methods), ("tools", &self.tools)] {
            writeln!(f, "{what}:")?;
            all.iter().try_for_each(|(name, calls)| line(f, name, calls))?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, calls: &CallStats) -> fmt::Result {
    let name = if name.is_empty() { "(others)".to_owned() } else { shown::name(name, NAME) };
    write!(f, "  {name}: {} calls, {} errors, {} tool errors", calls.calls, calls.errors, calls.tool_errors)?;
    for (outcome, count) in calls.outcomes.iter().filter(|(outcome, _)| **outcome != "answered") {
        write!(f, ", {count} {outcome}")?;
    }
    let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|share| calls.times.quantile(share));
    writeln!(f, ", {} B sent, {} B received", calls.sent_bytes, calls.received_bytes)?;
    writeln!(f, "    p50 {p50:.1?}, p90 {p90:.1?}, p99 {p99:.1?}, max {:.1?}", calls.times.max())
}
