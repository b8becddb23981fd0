//! What is told of a call.

use std::fmt;
use std::sync::Arc;

use crate::shown;
use crate::tape::exchange::Exchange;
use crate::tape::{Difference, Entry};

/// Bytes of a name as it is shown.
const NAME: usize = 96;

/// A call that is not the same on two tapes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallDiff {
    /// What has become of it.
    pub change: CallChange,
    /// Its session, as the expected tape calls it; of an added call, as the actual one does.
    pub session: Option<Arc<str>>,
    /// Its method.
    pub method: String,
    /// The tool or the prompt that it names.
    pub tool: Option<String>,
    /// Its request, from the tape that names the session.
    pub request: Entry,
    /// What changed, if it is on both tapes.
    pub parts: Vec<(CallPart, Difference)>,
}

/// What has become of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing between them")]
pub enum CallChange {
    /// It is not on the actual tape.
    Removed,
    /// It is not on the expected tape.
    Added,
    /// It is another on both.
    Changed,
}

/// A part of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallPart {
    /// The request.
    Request,
    /// A message within the call; the first is number 0.
    Item(usize),
    /// Its answer.
    Answer,
    /// How it ended.
    Outcome,
}

impl CallDiff {
    pub(super) fn new(change: CallChange, call: Exchange, parts: Vec<(CallPart, Difference)>) -> Self {
        let (method, tool) = call.name();
        let tool = Some(tool).filter(|tool| !tool.is_empty());
        Self { change, session: call.request.session.clone(), method, tool, request: call.request, parts }
    }
}

impl fmt::Display for CallDiff {
    /// A line, and one for each difference; what a stranger wrote cannot drive a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = match self.change {
            CallChange::Removed => "removed",
            CallChange::Added => "added",
            CallChange::Changed => "changed",
        };
        let session = self.session.as_deref().map_or_else(|| "-".to_owned(), |it| shown::name(it, NAME));
        write!(f, "{change} {session} {}", shown::name(&self.method, NAME))?;
        if let Some(tool) = &self.tool {
            write!(f, " tool={}", shown::name(tool, NAME))?;
        }
        self.parts.iter().try_for_each(|(part, difference)| {
            write!(f, "\n  {part}: {}", shown::safe_json(&difference.to_string()))
        })
    }
}

impl fmt::Display for CallPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request => f.write_str("request"),
            Self::Item(number) => write!(f, "message {number}"),
            Self::Answer => f.write_str("answer"),
            Self::Outcome => f.write_str("outcome"),
        }
    }
}
