//! How a tape is played.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tower_service::Service;

use super::asked::Questions;
use super::carry::{Carried, Carry};
use super::driver::Driver;
use super::judge::Judge;
use super::script::{self, Which};
use super::{Cause, Pace, Progress, Report, VerifyError};
use crate::error::BoxError;
use crate::message::{JsonRpcMessage, Pointer};
use crate::reply::Reply;
use crate::tape::kept::Chosen;
use crate::tape::mask::Masks;
use crate::tape::{Comparison, Component, Source};

/// Plays a tape against a server. See the [module](super).
#[must_use = "nothing is played until it runs"]
pub struct Verify {
    source: Box<dyn Source>,
    which: Which,
    settings: Settings,
}

type OnProgress = dyn FnMut(&Progress) + Send;
type Choose = dyn FnMut(Component) -> Option<Component> + Send;

pub(super) struct Settings {
    pub(super) pace: Pace,
    pub(super) timeout: Duration,
    pub(super) linger: Duration,
    pub(super) max_in_flight: usize,
    pub(super) max_findings: usize,
    pub(super) incomplete: bool,
    pub(super) components: Option<Box<Choose>>,
    pub(super) carries: Vec<Carry>,
    pub(super) judge: Judge,
    pub(super) progress: Option<Box<OnProgress>>,
}

impl Verify {
    /// Plays this tape, of whatever format.
    pub fn new(source: impl Source + 'static) -> Self {
        Self::of(Box::new(source))
    }

    /// Plays what [`tape::open`](crate::tape::open) opened.
    ///
    /// ```no_run
    /// use shadowcat::{connect, tape, verify::Verify};
    ///
    /// # #[cfg(all(feature = "stdio", unix))]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = connect::Command::new("my-server").spawn()?;
    /// let report = Verify::of(tape::open("tests/tapes/session.json")?).run(server).await?;
    /// println!("{report}");
    /// # Ok(()) }
    /// # #[cfg(not(all(feature = "stdio", unix)))] fn main() {}
    /// ```
    pub fn of(source: Box<dyn Source>) -> Self {
        let which = Which { session: Chosen::Only, max_bytes: 64 << 20 };
        let settings = Settings {
            pace: Pace::default(),
            timeout: Duration::from_secs(60),
            linger: Duration::from_secs(2),
            max_in_flight: 64,
            max_findings: 1_000,
            incomplete: false,
            components: None,
            carries: Carry::builtin(),
            judge: Judge::default(),
            progress: None,
        };
        Self { source, which, settings }
    }

    /// Which session of the tape is played. It need not be said where there is only one.
    pub fn session(mut self, name: impl Into<Arc<str>>) -> Self {
        self.which.session = Chosen::Named(name.into());
        self
    }

    /// What was said outside of sessions is played, where the tape holds sessions, too: clients of 2026-07-28 over HTTP have
    /// none.
    ///
    /// ```no_run
    /// use shadowcat::{tape, verify::Verify};
    ///
    /// let verify = Verify::of(tape::open("tests/tapes/both-eras.jsonl")?).without_session();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn without_session(mut self) -> Self {
        self.which.session = Chosen::Unnamed;
        self
    }

    /// Bytes of memory that the session may take, of what was said at one edge; 64 MiB by default. Other sessions take
    /// none, however long the tape is.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.which.max_bytes = bytes;
        self
    }

    /// When messages are sent; one call at a time by default.
    pub fn pace(mut self, pace: Pace) -> Self {
        self.settings.pace = pace;
        self
    }

    /// How long a call may take, and the stack to be ready for it; 60 s by default. A listen may take longer, and so may
    /// a call that the client left or that was not answered.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.settings.timeout = limit;
        self
    }

    /// How long to wait for what was said unasked before the next message of the client or at the end, on a listen, or
    /// before a cancellation, and at the end for answers that were not recorded; 2 s by default. What came is not waited
    /// for, and a server that says nothing unasked is, once, until it does; eight times in all.
    pub fn linger(mut self, limit: Duration) -> Self {
        self.settings.linger = limit;
        self
    }

    /// Calls that run at the same time, at most; 64 by default. What was recorded without an end does not count.
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.settings.max_in_flight = calls.max(1);
        self
    }

    /// Differences that the report lists, at most; 1,000 by default. All are counted.
    pub fn max_findings(mut self, findings: usize) -> Self {
        self.settings.max_findings = findings;
        self
    }

    /// Whether a tape may lack something; not by default. One that says so, or ends in the middle, is not
    /// [deterministic](Report::is_deterministic) otherwise; nor is a call that is answered now, and has no answer on the
    /// tape and no end. With this, such a call is [tolerated](super::Verdict::Tolerated).
    pub fn incomplete(mut self, allowed: bool) -> Self {
        self.settings.incomplete = allowed;
        self
    }

    /// How messages are compared: by structure, if nothing else is said. Ids are the same on both sides already.
    ///
    /// ```no_run
    /// use shadowcat::tape::{self, Comparison};
    /// use shadowcat::verify::Verify;
    ///
    /// let verify = Verify::of(tape::open("tests/tapes/session.json")?)
    ///     .compare(Comparison::structural().ignore("/result/_meta")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compare(mut self, comparison: Comparison) -> Self {
        self.settings.judge.comparison = comparison;
        self
    }

    /// Leaves the notifications and questions of this method out of the comparison: how often a server tells its
    /// progress is seldom the same.
    pub fn ignore_method(mut self, method: &str) -> Self {
        self.settings.judge.ignored.push(method.to_owned());
        self
    }

    /// Checks the results of this tool by a JSON Schema, of its `structuredContent` or else of the JSON in its first
    /// text, and does not compare them; a result that is an error is compared. The schema is bounded as one of
    /// [`layer::validate`](crate::layer::validate) is.
    ///
    /// ```no_run
    /// use shadowcat::{tape, verify::Verify};
    ///
    /// let verify = Verify::of(tape::open("tests/tapes/session.json")?)
    ///     .schema("weather", br#"{"required":["celsius"],"properties":{"celsius":{"type":"number"}}}"#)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The schema cannot be used.
    #[cfg(feature = "schema")]
    pub fn schema(mut self, tool: &str, schema: &[u8]) -> Result<Self, super::BadSchema> {
        self.settings.judge.schemas.give(tool, schema)?;
        Ok(self)
    }

    /// The same for each tool that has an `outputSchema` in the lists of tools that the server gives while the tape
    /// is played. A schema that cannot be used is as none.
    #[cfg(feature = "schema")]
    pub fn output_schemas(mut self) -> Self {
        self.settings.judge.schemas.learns = true;
        self
    }

    /// Adds a cause; those that are asked first come first, before the [built-in](Cause::builtin) ones.
    pub fn cause(mut self, cause: Cause) -> Self {
        let own = self.settings.judge.causes.len() - Cause::builtin().len();
        self.settings.judge.causes.insert(own, cause);
        self
    }

    /// Differences of this cause are listed, and leave a call [tolerated](super::Verdict::Tolerated).
    pub fn tolerate(mut self, cause: &str) -> Self {
        self.settings.judge.tolerated.push(cause.to_owned());
        self
    }

    /// A value that the server gives out at `from` in its answers, and gets back at `to` in later requests: what it
    /// gave out this time takes the place of what it gave out then, and is not compared.
    ///
    /// ```no_run
    /// use shadowcat::{tape, verify::Verify};
    ///
    /// let (from, to) = ("/result/structuredContent/ticket".parse()?, "/params/arguments/ticket".parse()?);
    /// let verify = Verify::of(tape::open("tests/tapes/session.json")?).carry(from, to);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn carry(mut self, from: Pointer, to: Pointer) -> Self {
        self.settings.carries.push(Carry { from, to, same_method: false });
        self
    }

    /// Loads components of the tape before the rest is played, those that `choose` gives back: as the tape names them,
    /// from another URI, without the digest that cannot be checked here, or without their policies. None is loaded if
    /// this is not said, since whoever wrote the tape could name any component, and grant it all files.
    ///
    /// ```no_run
    /// use shadowcat::{tape, verify::Verify};
    ///
    /// let verify = Verify::of(tape::open("tests/tapes/session.json")?).components(|mut component| {
    ///     component.policy = None;
    ///     let uri = component.uri.as_deref()?;
    ///     uri.starts_with("oci://ghcr.io/our-own/").then_some(component)
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn components(mut self, choose: impl FnMut(Component) -> Option<Component> + Send + 'static) -> Self {
        self.settings.components = Some(Box::new(choose));
        self
    }

    /// Called whenever a call is over. It should not block.
    pub fn on_progress(mut self, see: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.settings.progress = Some(Box::new(see));
        self
    }

    /// Plays the tape. Dropping the future cancels what is under way.
    ///
    /// # Errors
    ///
    /// The tape cannot be read, takes too much memory, has several sessions or no call; a component cannot be loaded
    /// as it was. Whatever the server does is in the report.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with time enabled.
    pub async fn run<S>(self, service: S) -> Result<Report, VerifyError>
    where
        S: Service<JsonRpcMessage, Response = Reply>,
        S::Error: Into<BoxError>,
    {
        let Self { mut source, which, mut settings } = self;
        // All of it, so that a large tape holds up nobody else.
        let loading = tokio::task::spawn_blocking(move || {
            let loaded = script::load(&mut *source, &which)?;
            settings.judge.masks = Masks::of(loaded.tape.redaction.as_deref());
            settings.judge.carried = Carried::new(std::mem::take(&mut settings.carries));
            let mut script = script::build(loaded);
            script.count_unasked(|message| settings.judge.counts(message));
            let questions = Questions::of(&script, &settings.judge);
            Ok::<_, VerifyError>((settings, script, questions))
        });
        let (settings, script, questions) = loading.await.map_err(|_| VerifyError::unread())??;
        if script.calls.iter().all(|call| call.is_left_out) {
            return Err(VerifyError::empty());
        }
        Driver::new(service, settings, script, questions).play().await
    }
}

impl fmt::Debug for Verify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verify")
            .field("tape", &self.source.tape().id)
            .field("which", &self.which)
            .field("pace", &self.settings.pace)
            .field("timeout", &self.settings.timeout)
            .field("judge", &self.settings.judge)
            .finish_non_exhaustive()
    }
}
