use std::sync::Arc;

use tower_layer::Layer;

use super::Record;
use super::mask::Mask;
use super::sessions::Sessions;
use super::stack::{Now, Place, Settings, Stack, Stats};
use crate::message::{Pointer, RefusedFrame};
#[cfg(feature = "secret")]
use crate::secret::Detector;
use crate::tape::{Component, Edge, Recorder, RecorderOptions, Sink, Tape, TapeError};

/// Records what passes. Cheap to clone; clones record into the same tape. See the [module](super).
#[derive(Clone, Debug)]
pub struct RecordLayer {
    settings: Settings,
}

impl RecordLayer {
    /// Into this recorder, which all stacks share.
    pub fn new(recorder: Recorder) -> Self {
        let now = Now::default();
        now.switch(Some(recorder));
        Self::of(Place::Shared(Arc::new(now)))
    }

    /// Into nothing until [`start`](Self::start).
    pub fn stopped() -> Self {
        Self::of(Place::Shared(Arc::default()))
    }

    /// Each stack that the layer is built into has a tape of its own: each session, where a front end makes a stack for
    /// each. It begins with the first message and ends with the stack. `make` makes its sink, on the recorder's own
    /// thread; the tape names the session, if there is one. Where `make` fails it is asked again, and entries wait.
    ///
    /// There are as many threads as sessions, so a front end's bound on sessions is that of threads. Where the system has
    /// none for a session, that is counted in [`Stats`] and tried again with each message, which goes on unrecorded, or
    /// is refused where the recorder is to [fail closed](crate::tape::Overflow::FailClosed). What ends with a process is
    /// [`finish`](Self::finish)ed first: a tape whose session is over is written some milliseconds later.
    ///
    /// The file of a session grows for as long as it lives, unless `make` gives a [`Rotating`](crate::tape::Rotating);
    /// those of sessions that are over stay until the application removes them.
    ///
    /// ```
    /// use shadowcat::layer::RecordLayer;
    /// use shadowcat::tape::{RecorderOptions, Sink, lines};
    ///
    /// let layer = RecordLayer::per_session(RecorderOptions::new(), |tape| {
    ///     let file = format!("/var/lib/tapes/{}.jsonl", tape.id);
    ///     Ok(Box::new(lines::Writer::create(file, tape)?) as Box<dyn Sink>)
    /// });
    /// ```
    pub fn per_session(
        options: RecorderOptions,
        make: impl Fn(&Tape) -> Result<Box<dyn Sink>, TapeError> + Send + Sync + 'static,
    ) -> Self {
        Self::of(Place::PerStack(Arc::new(Sessions::new(make, options))))
    }

    fn of(place: Place) -> Self {
        let (edge, mask, counts) = (Edge::default(), Mask::default(), Arc::default());
        let components = Arc::default();
        Self { settings: Settings { place, edge, mask, wassette: false, components, digests: false, counts } }
    }

    /// At which edge of the stack it stands: the client's, unless it is said otherwise.
    pub fn edge(mut self, edge: Edge) -> Self {
        self.settings.edge = edge;
        self
    }

    /// Masks what this detector finds, in the place of all that this crate knows.
    #[cfg(feature = "secret")]
    pub fn detector(mut self, detector: impl Into<Arc<Detector>>) -> Self {
        self.settings.mask.detector(Some(detector.into()));
        self
    }

    /// Masks no secrets: the tape holds what was said, credentials and all.
    #[cfg(feature = "secret")]
    pub fn unmasked(mut self) -> Self {
        self.settings.mask.detector(None);
        self
    }

    /// Masks what stands there, too, in whatever message has such a place: `/params/arguments/card`. A message in which
    /// a key on the way stands twice is not recorded.
    pub fn mask_path(mut self, path: Pointer) -> Self {
        self.settings.mask.path(path);
        self
    }

    /// Before a Wassette: learns whose tool it is that is called, and records when components are loaded, changed and
    /// unloaded. The tape lists them, with where they came from, if that was seen, and what they were granted.
    pub fn wassette(mut self) -> Self {
        self.settings.wassette = true;
        self
    }

    /// Puts a component onto each tape that was loaded before, of which Wassette tells neither where it came from nor
    /// its policy. What is said here stays, whatever is seen; what is not said is learned. Of the same id the last one
    /// counts.
    ///
    /// ```
    /// use shadowcat::layer::RecordLayer;
    /// use shadowcat::tape::Component;
    ///
    /// let fetch = Component::new("fetch").uri("oci://ghcr.io/microsoft/fetch-rs:latest");
    /// let layer = RecordLayer::stopped().wassette().component(fetch);
    /// ```
    pub fn component(mut self, component: Component) -> Self {
        let before = self.settings.components.iter().filter(|known| known.id != component.id);
        self.settings.components = before.cloned().chain([component.clone()]).collect();
        self
    }

    /// With [`wassette`](Self::wassette), where the server reads the files of this machine: takes the digest of a
    /// component's regular file once it is loaded from a `file://` URI, on a thread of its own. A tape that is finished
    /// before that, or a file of more than a GiB, has none.
    pub fn component_digests(mut self) -> Self {
        self.settings.digests = true;
        self
    }

    /// Records into this from now on, in all stacks. What was recorded into before is given back, with its tape open.
    /// Calls that have begun stay where they began. A layer that records [per session](Self::per_session) goes on as it
    /// is, and gives `recorder` back.
    pub fn start(&self, recorder: Recorder) -> Option<Recorder> {
        self.settings.install(&recorder);
        self.switch(Some(recorder))
    }

    /// Records nothing more of what begins from now on. The recorder is given back.
    ///
    /// ```
    /// use shadowcat::layer::RecordLayer;
    ///
    /// assert!(RecordLayer::stopped().stop().is_none());
    /// ```
    pub fn stop(&self) -> Option<Recorder> {
        self.switch(None)
    }

    fn switch(&self, to: Option<Recorder>) -> Option<Recorder> {
        match &self.settings.place {
            Place::Shared(now) => now.switch(to),
            Place::PerStack(_) => to,
        }
    }

    /// Waits until everything that was recorded before is committed, or lost: on the tape that there is now, or on those
    /// of all sessions.
    ///
    /// # Errors
    ///
    /// As [`Recorder::flushed`]; the first of all.
    pub async fn flushed(&self) -> Result<(), TapeError> {
        match &self.settings.place {
            Place::Shared(now) => match now.recorder() {
                Some(recorder) => recorder.flushed().await,
                None => Ok(()),
            },
            Place::PerStack(sessions) => sessions.flushed().await,
        }
    }

    /// Ends the tape that there is now, or those of all sessions, and waits until they are written. For the end of a
    /// process, when the front end is done: a session that goes on is not recorded further, one that begins afterwards
    /// has a tape of its own again. A session that ended before is waited for, too.
    ///
    /// ```
    /// use shadowcat::layer::RecordLayer;
    /// use shadowcat::tape::{self, RecorderOptions, Sink, lines};
    /// use shadowcat::{JsonRpcMessage, Reply};
    /// use tower::{Layer, Service, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = std::env::temp_dir().join(format!("shadowcat-finish-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// let path = folder.join("session.jsonl");
    /// # let at = path.clone();
    /// let layer = RecordLayer::per_session(RecorderOptions::new(), move |tape| {
    ///     Ok(Box::new(lines::Writer::create(&at, tape)?) as Box<dyn Sink>)
    /// });
    /// let mut stack = layer.layer(service_fn(|_| async { Ok::<_, shadowcat::Error>(Reply::empty()) }));
    /// let _ = stack.call(JsonRpcMessage::notification("notifications/initialized", "{}")?).await?;
    /// layer.finish().await?;
    /// assert_eq!(layer.stats().recorders.recorded, 1);
    /// assert_eq!(tape::open(&path)?.count(), 1);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Recorder::finish`]; the first of all.
    pub async fn finish(&self) -> Result<(), TapeError> {
        match &self.settings.place {
            Place::Shared(now) => match now.recorder() {
                Some(recorder) => recorder.finish().await,
                None => Ok(()),
            },
            Place::PerStack(sessions) => sessions.finish().await,
        }
    }

    /// What it did so far, in all stacks.
    pub fn stats(&self) -> Stats {
        let recorders = match &self.settings.place {
            Place::Shared(now) => now.recorder().map(|recorder| recorder.stats()).unwrap_or_default(),
            Place::PerStack(sessions) => sessions.stats(),
        };
        Stats { recorders, ..self.settings.counts.read() }
    }

    /// What a front end is given, so that what it refuses is recorded as well: `serve::stdio(stack).on_refused(…)`, and
    /// the same on HTTP. It is masked as what is accepted; where it is no JSON, as text, and then only that and how much
    /// was refused is recorded if [paths](Self::mask_path) are masked. A layer that records per session has no tape for
    /// it.
    pub fn on_refused(&self) -> impl Fn(&RefusedFrame<'_>) + Clone + Send + Sync + 'static {
        let settings = self.settings.clone();
        move |frame| {
            let Place::Shared(now) = &settings.place else { return };
            now.recorder().iter().for_each(|recorder| settings.refused(recorder, frame));
        }
    }
}

impl<S> Layer<S> for RecordLayer {
    type Service = Record<S>;

    fn layer(&self, inner: S) -> Record<S> {
        if let Place::Shared(now) = &self.settings.place {
            now.recorder().iter().for_each(|recorder| self.settings.install(recorder));
        }
        Record::new(inner, Arc::new(Stack::new(&self.settings)))
    }
}
