//! How a tape is replayed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::substitution::Substitution;
use super::{Replay, ReplayError, essence, script};
use crate::message::{InvalidPointer, JsonRpcMessage, Pointer};
use crate::tape::kept::Chosen;
use crate::tape::{self, Comparison, Edge, OpenOptions, Purpose, Source};

/// Which recorded request answers one of the client's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Matching {
    /// The same: method and params. Anything else is refused by an error that names the nearest and the difference.
    #[default]
    Strict,
    /// The same, or else, where no such request was recorded, the last of the same tool, prompt, resource or, for all
    /// other requests, method. An answer of the client may differ. [`Repeats`] counts as in a strict replay.
    Lenient,
    /// The next on the tape, which must be the same.
    Sequence,
}

/// What the client is told when it asks for more than was recorded of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Repeats {
    /// What it was told last.
    #[default]
    Last,
    /// That it was not recorded.
    Refuse,
}

/// When what was recorded is said.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Timing {
    /// At once.
    #[default]
    None,
    /// As long after what it follows as it was recorded.
    Recorded,
    /// The same, so many times as long; below 1 is faster. What is no positive number is taken for 0.
    Scaled(f64),
}

impl Timing {
    pub(super) fn wait(self, recorded: Duration) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Recorded => recorded,
            Self::Scaled(by) => Duration::try_from_secs_f64(recorded.as_secs_f64() * by).unwrap_or_default(),
        }
    }
}

/// How a tape is replayed, and which session of it.
///
/// ```
/// use shadowcat::connect::replay::{Matching, Repeats, Timing};
/// use shadowcat::connect::Replay;
/// # use shadowcat::{Direction, JsonRpcMessage, tape::{self, Entry, Sink, Tape}};
/// # let folder = std::env::temp_dir().join(format!("shadowcat-replay-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let tape = folder.join("ping.json");
/// # let mut written = tape::json::Writer::create(&tape, &Tape::new()?)?;
/// # let ping = JsonRpcMessage::request(1, "ping", "{}")?;
/// # written.append(&Entry::message(&ping, Direction::ToUpstream))?;
/// # written.finish()?;
///
/// let replay = Replay::options()
///     .matching(Matching::Sequence)
///     .repeats(Repeats::Refuse)
///     .timing(Timing::Scaled(0.5))
///     .ignore("/params/arguments/now")?
///     .open(&tape)?; // "tests/tapes/ping.json"
/// assert_eq!(replay.unused()[0].to_string(), "frame 1: ping");
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(super) matching: Matching,
    pub(super) repeats: Repeats,
    pub(super) timing: Timing,
    pub(super) comparison: Comparison,
    pub(super) kept_meta: Vec<String>,
    pub(super) substitutions: Vec<Substitution>,
    pub(super) state_counts: bool,
    pub(super) rewinds: bool,
    pub(super) wanted: script::Wanted,
    pub(super) mode: Option<super::Mode>,
    pub(super) unmasked: bool,
    #[cfg(feature = "secret")]
    pub(super) mask_paths: Vec<Pointer>,
    pub(super) opening: OpenOptions,
}

impl Options {
    /// Strict, repeating what was recorded last, without waiting; the only session, as the client saw it.
    pub fn new() -> Self {
        Self {
            matching: Matching::default(),
            repeats: Repeats::default(),
            timing: Timing::default(),
            comparison: Comparison::structural(),
            kept_meta: vec![essence::KEPT.to_owned()],
            substitutions: Vec::new(),
            state_counts: false,
            rewinds: false,
            wanted: script::Wanted::default(),
            mode: None,
            unmasked: false,
            #[cfg(feature = "secret")]
            mask_paths: Vec::new(),
            opening: OpenOptions::new(),
        }
    }

    /// Which recorded request answers.
    pub fn matching(mut self, matching: Matching) -> Self {
        self.matching = matching;
        self
    }

    /// What follows when a request comes more often than it was recorded.
    pub fn repeats(mut self, repeats: Repeats) -> Self {
        self.repeats = repeats;
        self
    }

    /// Whether the tape is [rewound](Replay::rewind) when another client begins: by a `server/discover` or an `initialize`
    /// that was played as often as it was recorded. Not by itself: a client that says it once more would begin anew.
    pub fn rewind_for_next_client(mut self, rewinds: bool) -> Self {
        self.rewinds = rewinds;
        self
    }

    /// When things are said. Tokio's clock counts, which a test can pause.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// A place that does not count when requests, and the client's answers, are compared: a JSON Pointer from
    /// `/params` or `/result` on, in which `*` is any one step and `**` are any number of them.
    ///
    /// Ids, `_meta` but the revision, `requestState` of 2026-07-28 and the name of the client in `initialize` do not
    /// count from the start.
    ///
    /// # Errors
    ///
    /// It is no JSON Pointer.
    pub fn ignore(mut self, path: &str) -> Result<Self, InvalidPointer> {
        self.comparison = self.comparison.ignore(path)?;
        Ok(self)
    }

    /// Compares by this, with what it ignores, instead of structurally.
    pub fn comparison(mut self, comparison: Comparison) -> Self {
        self.comparison = comparison;
        self
    }

    /// A key of `_meta` that counts too.
    pub fn match_meta(mut self, key: impl Into<String>) -> Self {
        self.kept_meta.push(key.into());
        self
    }

    /// Whether the `requestState` of a further round counts (2026-07-28 basic/patterns/mrtr). Rounds that are the same
    /// but for it are answered in the order in which they were recorded.
    pub fn match_request_state(mut self, counts: bool) -> Self {
        self.state_counts = counts;
        self
    }

    /// Puts what `with` makes of the client's request at a place of every message that has something there: the time
    /// of today in the place of a recorded one, say. It is raw JSON; `None`, and what is no JSON, changes nothing.
    pub fn substitute(
        mut self,
        place: Pointer,
        with: impl Fn(&JsonRpcMessage) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.substitutions.push(Substitution::new(place, with));
        self
    }

    /// The session, where the tape holds several.
    pub fn session(mut self, name: impl Into<Arc<str>>) -> Self {
        self.wanted.session = Chosen::Named(name.into());
        self
    }

    /// What was said outside of sessions, where the tape holds sessions, too: clients of 2026-07-28 over HTTP have none.
    ///
    /// ```no_run
    /// let replay = shadowcat::connect::Replay::options().without_session().open("tests/tapes/both-eras.jsonl")?;
    /// # Ok::<(), shadowcat::connect::replay::ReplayError>(())
    /// ```
    pub fn without_session(mut self) -> Self {
        self.wanted.session = Chosen::Unnamed;
        self
    }

    /// As it was seen at this edge. Otherwise as the client saw it, or as it was toward the server if nothing else was
    /// recorded.
    pub fn edge(mut self, edge: Edge) -> Self {
        self.wanted.edge = Some(edge);
        self
    }

    /// Bytes of the session's messages, at most; they are kept in memory. 64 MiB by default.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.wanted.max_bytes = bytes;
        self
    }

    /// Also a tape of which the recorder [lost](crate::tape::EntryKind::Lost) entries, which is refused otherwise: what
    /// is left may be answered by the answer to something else. [`Replay::lost`] says how many.
    pub fn incomplete(mut self, allowed: bool) -> Self {
        self.wanted.incomplete = allowed;
        self
    }

    /// By these keys the tape is opened, if by these it may be: see [`open`](Self::open). Who is to be told is told that
    /// it is for a replay.
    ///
    /// What is [recorded](Self::open_or_record) is written as they open it: encrypted by the key, with the chain. Then it
    /// is JSON Lines; a tape that is there needs the same keys, and what `check` would not let a replay read is not
    /// written.
    ///
    /// ```
    /// use shadowcat::connect::Replay;
    /// use shadowcat::tape::OpenOptions;
    /// # use shadowcat::{Direction, JsonRpcMessage, tape::{self, Entry, Sink, Tape}};
    /// # let folder = std::env::temp_dir().join(format!("shadowcat-replay-opening-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("ping.json");
    /// # let mut written = tape::json::Writer::create(&path, &Tape::new()?.label("team", "red"))?;
    /// # let ping = JsonRpcMessage::request(1, "ping", "{}")?;
    /// # written.append(&Entry::message(&ping, Direction::ToUpstream))?;
    /// # written.finish()?;
    ///
    /// let mine = OpenOptions::new().require_private_file().check(|tape| {
    ///     let is_mine = tape.labels.get("team").is_some_and(|team| team == "blue");
    ///     is_mine.then_some(()).ok_or_else(|| "it belongs to another team".to_owned())
    /// });
    /// let error = Replay::options().open_options(mine).open(&path).unwrap_err(); // "tests/tapes/ping.json"
    /// assert!(error.to_string().ends_with("it belongs to another team"));
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_options(mut self, options: OpenOptions) -> Self {
        self.opening = options;
        self
    }

    /// Opens a tape of any format.
    ///
    /// # Errors
    ///
    /// It cannot be read, holds no such session, or more than `max_bytes`, or lacks what the recorder lost; it may not be
    /// read, or needs another key than the [`open_options`](Self::open_options) have.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Replay, ReplayError> {
        let opening = self.opening.clone().purpose(Purpose::Replay);
        self.read(&mut *tape::open_with(path, &opening)?)
    }

    /// Reads a tape to its end.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn read(self, source: &mut dyn Source) -> Result<Replay, ReplayError> {
        let script = script::read(source, &self.wanted)?;
        Ok(Replay::new(script, self))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
