//! Which entries of a tape are read.

mod filtered;
mod judge;

use std::time::{Duration, SystemTime};

use super::{Entry, EntryKind, Outcome, Source, name};
use crate::message::JsonRpcMessage;

pub use filtered::Filtered;

/// Which entries of a tape are read: those for which everything holds that is asked for.
///
/// What is asked of a request ([`method`](Self::method), [`tool`](Self::tool), [`resource`](Self::resource),
/// [`component`](Self::component), [`search`](Self::search)) is asked for its whole call: its answer, its end, and the
/// notifications and questions within it are read with it. So are [`errors`](Self::errors) and
/// [`outcome`](Self::outcome), which are known only at the end of a call; see there. The session and the times are asked
/// of each entry by itself.
///
/// A filter works on any [`Source`]. In SQLite, methods, tools, words and sessions are found by an index.
///
/// ```
/// use shadowcat::tape::{Entry, Filter, Sink, Source, Tape, lines};
/// use shadowcat::{Direction, JsonRpcMessage};
///
/// # let path = std::env::temp_dir().join(format!("shadowcat-filter-{}.jsonl", std::process::id()));
/// let mut tape = lines::Writer::create(&path, &Tape::new()?)?;
/// for (id, tool) in [(1, "get_weather"), (2, "echo")] {
///     let call = JsonRpcMessage::request(id, "tools/call", format!(r#"{{"name":"{tool}"}}"#))?;
///     let answer = JsonRpcMessage::response(id, r#"{"content":[]}"#)?;
///     tape.append(&Entry::message(&call, Direction::ToUpstream).call(id as u64))?;
///     tape.append(&Entry::message(&answer, Direction::ToClient).call(id as u64))?;
/// }
/// tape.finish()?;
///
/// let weather = Filter::new().method("tools/call").tool("get_weather");
/// let found: Vec<_> = weather.apply(lines::Reader::open(&path)?).collect::<Result<_, _>>()?;
/// assert_eq!(found.len(), 2);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub(super) method: Option<String>,
    pub(super) tool: Option<String>,
    pub(super) resource: Option<String>,
    pub(super) component: Option<String>,
    /// In lower case; none of them is empty.
    pub(super) words: Vec<String>,
    pub(super) session: Option<String>,
    /// Of none.
    unnamed: bool,
    since: Option<Duration>,
    until: Option<Duration>,
    after: Option<SystemTime>,
    before: Option<SystemTime>,
    errors: bool,
    outcome: Option<Outcome>,
}

impl Filter {
    /// All of them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of this method.
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Calls of this tool; also of a prompt.
    pub fn tool(mut self, name: &str) -> Self {
        self.tool = Some(name.to_owned());
        self
    }

    /// About this resource: read, subscribed to, unsubscribed from.
    pub fn resource(mut self, uri: &str) -> Self {
        self.resource = Some(uri.to_owned());
        self
    }

    /// Of this component.
    pub fn component(mut self, id: &str) -> Self {
        self.component = Some(id.to_owned());
        self
    }

    /// With all these words in the name of the method or the tool: `weather call` finds a `tools/call` of
    /// `get_weather`.
    pub fn search(mut self, words: &str) -> Self {
        self.words = tokens(words).collect();
        self
    }

    /// Of this session.
    pub fn session(mut self, name: &str) -> Self {
        (self.session, self.unnamed) = (Some(name.to_owned()), false);
        self
    }

    /// Said outside of sessions, as by clients of 2026-07-28 over HTTP; in SQLite no index tells where.
    ///
    /// ```
    /// # use shadowcat::tape::{Entry, EntryKind, Filter, Sink, Tape, lines};
    /// # use shadowcat::Direction;
    /// # let path = std::env::temp_dir().join(format!("shadowcat-unnamed-{}.jsonl", std::process::id()));
    /// # let mut tape = lines::Writer::create(&path, &Tape::new()?)?;
    /// # let note = || Entry::new(EntryKind::Note, Direction::ToClient, "the bell");
    /// tape.append(&note().session("s-1"))?;
    /// tape.append(&note())?;
    /// # tape.finish()?;
    /// let found: Vec<_> = Filter::new().without_session().apply(lines::Reader::open(&path)?).collect();
    /// assert_eq!(found.len(), 1);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn without_session(mut self) -> Self {
        (self.session, self.unnamed) = (None, true);
        self
    }

    /// From this time on, since the tape began.
    pub fn since(mut self, at: Duration) -> Self {
        self.since = Some(at);
        self
    }

    /// Up to this time, since the tape began; not at it.
    pub fn until(mut self, at: Duration) -> Self {
        self.until = Some(at);
        self
    }

    /// From this time of day on. An entry without one is not read.
    pub fn after(mut self, time: SystemTime) -> Self {
        self.after = Some(time);
        self
    }

    /// Up to this time of day, not at it. An entry without one is not read.
    pub fn before(mut self, time: SystemTime) -> Self {
        self.before = Some(time);
        self
    }

    /// What went wrong: calls that were answered by an error, by a tool's result that says that the tool failed, or not
    /// at all; and refusals.
    ///
    /// The beginning of a call waits in memory for its end: at most 4,096 entries and 16 MiB do. Of calls that take
    /// longer, only the end is read.
    pub fn errors(mut self) -> Self {
        self.errors = true;
        self
    }

    /// Calls that ended so. Their beginning waits for their end as that of [`errors`](Self::errors) does.
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = Some(outcome);
        self
    }

    /// Reads these entries of a tape.
    pub fn apply<S: Source>(self, source: S) -> Filtered<S> {
        Filtered::new(source, self)
    }

    /// Whether it asks for the name of a method or a tool.
    fn is_about_names(&self) -> bool {
        self.method.is_some() || self.tool.is_some() || self.resource.is_some() || !self.words.is_empty()
    }

    /// Whether it asks for anything that holds of whole calls.
    pub(super) fn is_about_calls(&self) -> bool {
        self.is_about_names() || self.component.is_some() || self.is_about_ends()
    }

    /// Whether it asks for what is known only at the end of a call.
    fn is_about_ends(&self) -> bool {
        self.errors || self.outcome.is_some()
    }

    /// What is asked of each entry by itself.
    fn admits(&self, entry: &Entry) -> bool {
        let is_of_session = self.session.is_none() || self.session.as_deref() == entry.session.as_deref();
        is_of_session
            && !(self.unnamed && entry.session.is_some())
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
            && self.after.is_none_or(|after| entry.wall.is_some_and(|at| at >= after))
            && self.before.is_none_or(|before| entry.wall.is_some_and(|at| at < before))
    }

    /// What is asked of whatever begins a call, or stands alone.
    fn is_about(&self, entry: &Entry, message: Option<&JsonRpcMessage>) -> bool {
        if self.component.is_some() && self.component.as_deref() != entry.component.as_deref() {
            return false;
        }
        if !self.is_about_names() {
            return true;
        }
        let message = message.filter(|_| entry.kind != EntryKind::Response);
        let Some((message, (method, tool))) = message.and_then(|it| Some((it, name::of(it)?))) else {
            return false;
        };
        let is_named = |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|it| it == name);
        is_named(&self.method, &method)
            && is_named(&self.tool, &tool)
            && (self.resource.is_none() || self.resource == name::resource(message))
            && self.words.iter().all(|word| tokens(&method).chain(tokens(&tool)).any(|token| token == *word))
    }

    /// Whether a call that ended so is asked for.
    fn is_ended(&self, failed: bool, outcome: Option<Outcome>) -> bool {
        let is_wrong = failed || outcome.is_some_and(|outcome| outcome != Outcome::Answered);
        (!self.errors || is_wrong) && (self.outcome.is_none() || self.outcome == outcome)
    }
}

/// The words of a text.
fn tokens(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}
