//! A leaf that is replayed, or real and recorded.

use std::fmt;
use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tower_service::Service;

use super::leaf::Call;
use super::log::Log;
use super::save::{Old, Place};
use super::{Changes, Mode};
use crate::connect::replay::{Options, Replay, ReplayError, script};
use crate::error::{BoxError, Error};
use crate::message::JsonRpcMessage;
#[cfg(feature = "secret")]
use crate::message::Pointer;
use crate::reply::Reply;
use crate::tape::{self, Tape};

/// What [`Replay::or_record`] gives: a leaf that is replayed, or the real one, which is recorded.
///
/// A recording is written by [`finish`](Self::finish); dropped before, as in a test that fails, it leaves the file as
/// it was. Where no clone was finished and nothing panics, that is warned of, in the log and on stderr.
#[derive(Clone)]
#[must_use = "what is recorded is written by `finish`"]
pub struct Taped<L> {
    inner: Inner<L>,
}

#[derive(Clone)]
enum Inner<L> {
    Replay(Replay),
    Record(L, Arc<Recording>),
}

struct Recording {
    log: Arc<Log>,
    place: Place,
    mode: Mode,
    options: Options,
    is_finished: AtomicBool,
}

impl Replay {
    /// Replays a tape, or records it from the leaf that `make` makes, as [`Mode::from_env`] says: for tests that run
    /// against a recording, which is made by `SHADOWCAT_TAPES=missing cargo test`, and again by `update`.
    ///
    /// A tape to record is named `.json` or `.jsonl`. Secrets on it are masked (feature `secret`), and what was masked is
    /// still matched when it is replayed; the client is told what the server said with markers in their place then.
    /// [`Options::unmasked`] leaves them, and `Options::mask_path` names more. What is masked on the old tape is masked on
    /// the new one, too: also the places that its recorder was told. [`Options::open_options`] say whether it is encrypted,
    /// and who may replay it.
    ///
    /// ```no_run
    /// use shadowcat::connect::{Command, Replay};
    ///
    /// # async fn test() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Replay::or_record("tests/tapes/echo.json", || Command::new("echo-server").spawn())?;
    /// // … the test, with `server.clone()` as its leaf …
    /// let changes = server.finish()?;
    /// println!("{changes}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Options::open`]; the tape is missing and is not to be recorded, or the leaf cannot be made. What is to be
    /// recorded anew is of another format, or holds more than the messages of the one session: notes, components, labels.
    /// Or there are keys, and it is no JSON Lines, or it has a chain, and its key is not among them.
    /// Or it was masked as this run cannot: it is redacted by another profile than secrets and the paths of a recorder,
    /// is to be [`unmasked`](Options::unmasked) now, or the feature `secret` is missing.
    pub fn or_record<L, E: Into<BoxError>>(
        path: impl AsRef<Path>,
        make: impl FnOnce() -> Result<L, E>,
    ) -> Result<Taped<L>, ReplayError> {
        Options::new().open_or_record(path, make)
    }
}

impl Options {
    /// Whether tapes are replayed or recorded, whatever the environment says.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Records secrets as they are: see [`Replay::or_record`]. Where `mask_path` names a place, they are masked with it
    /// all the same.
    pub fn unmasked(mut self) -> Self {
        self.unmasked = true;
        self
    }

    /// Masks whatever stands at a place of a message that is recorded, whole, beside secrets; `*` in the path is any one
    /// step. The tape names it, so that a replay takes whatever the client says there, and an update masks it unasked.
    ///
    /// ```
    /// use shadowcat::connect::replay::{Mode, Options};
    /// use shadowcat::{Error, JsonRpcMessage, Reply};
    /// use tower::{Service, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = std::env::temp_dir().join(format!("shadowcat-mask-path-{}.json", std::process::id()));
    /// let bank = service_fn(|message: JsonRpcMessage| async move {
    ///     let answer = message.responder().result("{}").unwrap();
    ///     Ok::<_, Error>(answer.map_or_else(Reply::empty, Reply::one))
    /// });
    /// let options = Options::new().mode(Mode::Missing).mask_path("/params/arguments/card".parse()?);
    /// let mut server = options.open_or_record(&path, || Ok::<_, Error>(bank))?; // "tests/tapes/pay.json"
    /// let pay = r#"{"name":"pay","arguments":{"card":"4111 1111","sum":5}}"#;
    /// let _ = server.ready().await?.call(JsonRpcMessage::request(1, "tools/call", pay)?).await?;
    /// server.finish()?;
    /// assert!(!std::fs::read_to_string(&path)?.contains("4111"));
    /// # std::fs::remove_file(path)?;
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "secret")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secret")))]
    pub fn mask_path(mut self, path: Pointer) -> Self {
        self.mask_paths.push(path);
        self
    }

    /// As [`Replay::or_record`]. What is recorded is of the chosen [`session`](Self::session) and [`edge`](Self::edge),
    /// and may have [`max_bytes`](Self::max_bytes).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn open_or_record<L, E: Into<BoxError>>(
        self,
        path: impl AsRef<Path>,
        make: impl FnOnce() -> Result<L, E>,
    ) -> Result<Taped<L>, ReplayError> {
        let mode = self.mode.map_or_else(Mode::from_env, Ok)?;
        let path = path.as_ref();
        let is_there = std::fs::symlink_metadata(path).is_ok();
        if mode == Mode::Replay || mode == Mode::Missing && is_there {
            let explain = |error| match error {
                ReplayError::Tape(error) if !is_there => ReplayError::Missing(error),
                error => error,
            };
            return Ok(Taped { inner: Inner::Replay(self.open(path).map_err(explain)?) });
        }
        let place = Place::new(path, &self.opening)?;
        let mask = place.mask(place.old(&self.wanted)?.as_ref(), &self)?;
        let leaf = make().map_err(|error| ReplayError::Leaf(error.into()))?;
        let log = Arc::new(Log::new(&self.wanted, mask));
        let recording = Recording { log, place, mode, options: self, is_finished: AtomicBool::new(false) };
        Ok(Taped { inner: Inner::Record(leaf, Arc::new(recording)) })
    }
}

impl<L> Taped<L> {
    /// The replay, unless it is recorded.
    pub fn replay(&self) -> Option<&Replay> {
        match &self.inner {
            Inner::Replay(replay) => Some(replay),
            Inner::Record(..) => None,
        }
    }

    /// Writes what was recorded, and says what is otherwise than on the tape before. Of a replay nothing is. The real
    /// leaf is dropped with this clone.
    ///
    /// # Errors
    ///
    /// The file cannot be written, or there was nothing to write, or more than fits; then the old one is as it was.
    pub fn finish(self) -> Result<Changes, ReplayError> {
        match &self.inner {
            Inner::Replay(_) => Ok(Changes::default()),
            Inner::Record(_, recording) => recording.finish(),
        }
    }
}

impl Recording {
    fn finish(&self) -> Result<Changes, ReplayError> {
        self.is_finished.store(true, Ordering::Relaxed); // what fails is an error already
        let entries = self.log.entries()?;
        let mut new = script::of_entries(&entries, &self.options.wanted)?;
        let old = self.old()?;
        let tape = self.tape(&new, old.as_ref())?;
        new.redaction.clone_from(&tape.redaction);
        let before = if old.is_some() { self.before()? } else { None };
        self.place.save(tape, &entries, self.mode)?;
        Ok(Changes::between(before.as_ref(), &new, &self.options))
    }

    /// The tape that is replaced. Another may have put it there while this one was recorded.
    fn old(&self) -> Result<Option<Old>, ReplayError> {
        if self.mode != Mode::Update {
            return Ok(None);
        }
        let old = self.place.old(&self.options.wanted)?;
        let mask = self.place.mask(old.as_ref(), &self.options)?;
        match mask.profile() == self.log.mask().profile() {
            true => Ok(old),
            false => Err(self.place.kept("it is masked otherwise than when the recording began")),
        }
    }

    /// What no replay reads, as a tape without requests, cannot be compared, and is replaced all the same.
    fn before(&self) -> Result<Option<script::Script>, ReplayError> {
        let mut source = self.place.again()?;
        Ok(script::read(&mut *source, &self.options.wanted).ok())
    }

    /// What is known of the new tape: what its messages tell, and what the old one says beside.
    fn tape(&self, new: &script::Script, old: Option<&Old>) -> Result<Tape, ReplayError> {
        let mut tape = Tape::new()?;
        for exchange in &new.exchanges {
            tape::learn_of(&mut tape, &exchange.request, exchange.answer());
        }
        if let Some(Old { tape: old, .. }) = old {
            tape.transport.clone_from(&old.transport);
            tape.upstream_transport.clone_from(&old.upstream_transport);
        }
        Ok(self.log.mask().tape(tape))
    }
}

impl Drop for Recording {
    /// Its test passes, and there is no tape: nobody would know. What a test prints is seen only if it fails, unless it goes
    /// to stderr itself.
    fn drop(&mut self) {
        if *self.is_finished.get_mut() || std::thread::panicking() {
            return;
        }
        let path = self.place.shown();
        tracing::warn!(%path, "a tape was recorded and not written: `finish` was not called");
        let told = format!("shadowcat: {path}: was recorded and not written: `finish` was not called\n");
        let _ = std::io::stderr().write_all(told.as_bytes()); // who closed it does not want to know
    }
}

impl<L> Service<JsonRpcMessage> for Taped<L>
where
    L: Service<JsonRpcMessage, Response = Reply>,
    L::Error: Into<BoxError> + 'static,
    L::Future: Send + 'static,
{
    type Response = Reply;
    type Error = Error;
    type Future = TapedFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match &mut self.inner {
            Inner::Replay(replay) => replay.poll_ready(cx),
            Inner::Record(leaf, _) => leaf.poll_ready(cx).map_err(|error| Error::from(error.into())),
        }
    }

    fn call(&mut self, message: JsonRpcMessage) -> TapedFuture {
        TapedFuture(match &mut self.inner {
            Inner::Replay(replay) => Box::pin(replay.call(message)),
            Inner::Record(leaf, recording) => {
                let call = Call::begin(&recording.log, &message);
                Box::pin(call.run(leaf.call(message)))
            }
        })
    }
}

/// The future of a call of a [`Taped`] leaf. Dropping it cancels the call.
pub struct TapedFuture(Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>);

impl Future for TapedFuture {
    type Output = Result<Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for TapedFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TapedFuture").finish_non_exhaustive()
    }
}

impl<L> fmt::Debug for Taped<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner {
            Inner::Replay(replay) => f.debug_tuple("Taped").field(replay).finish(),
            Inner::Record(_, recording) => {
                f.debug_struct("Recording").field("place", &recording.place).finish()
            }
        }
    }
}
