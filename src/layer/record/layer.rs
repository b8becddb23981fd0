use std::sync::Arc;

use tower_layer::Layer;

use super::Record;
use super::mask::Mask;
use super::sessions::Sessions;
use super::stack::{Now, Place, Settings, Stack};
use crate::message::{JsonRpcMessage, Pointer};
#[cfg(feature = "secret")]
use crate::secret::Detector;
use crate::tape::{Component, Edge, Recorder, RecorderOptions, Sink, Tape, TapeError};

/// Records what passes. Cheap to clone; clones record into the same tape, or, [per session](Self::per_session), into the
/// same tape of a session. See the [module](super).
#[derive(Clone, Debug)]
pub struct RecordLayer {
    pub(super) settings: Settings,
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
    /// What else the tape is to say of itself is for [`title`](Self::title): what `make` puts into its sink's own is
    /// written over.
    ///
    /// A clone of the layer further down in the same stack, with the [`edge`](Self::edge) `Upstream`, records into the tape
    /// of the session too.
    ///
    /// What has no session shares a tape, since it shares a stack: over HTTP, all clients of 2026-07-28
    /// (`serve::http::Builder::stateless`), whoever they are. That tape names no session and tells of the client that came
    /// first, its entries do not say whose they are, and it ends with the process: give it a
    /// [`Rotating`](crate::tape::Rotating). Whoever must keep such clients apart serves them apart, each by a front end with
    /// a layer of its own.
    ///
    /// Each session has the bounds of its [options](RecorderOptions) for itself: of 100 sessions whose disk is full, up to
    /// 800 MiB wait by default, and what their sinks keep.
    ///
    /// There are as many threads as sessions, so a front end's bound on sessions is that of threads. Where the system has
    /// none for a session, that is counted in [`Stats`](super::Stats) and tried again with each message, which goes on
    /// unrecorded, or is refused where the recorder is to [fail closed](crate::tape::Overflow::FailClosed). What ends
    /// with a process is [`finish`](Self::finish)ed first: a tape whose session is over is written some milliseconds
    /// later.
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

    /// What a tape says of itself, where there is one [per session](Self::per_session): `title` is given the new tape and
    /// the first message of its session, as it came, and adds to it a label, or the transport to the server. It runs
    /// before the message goes on, and must not block.
    ///
    /// ```
    /// use shadowcat::layer::RecordLayer;
    /// use shadowcat::tape::{RecorderOptions, Sink, lines};
    ///
    /// let layer = RecordLayer::per_session(RecorderOptions::new(), |tape| {
    ///     let file = format!("/var/lib/tapes/{}/{}.jsonl", tape.labels["team"], tape.id);
    ///     Ok(Box::new(lines::Writer::create(file, tape)?) as Box<dyn Sink>)
    /// })
    /// .title(|tape, _| tape.upstream_transport("stdio").label("team", "search"));
    /// ```
    pub fn title(mut self, title: impl Fn(Tape, &JsonRpcMessage) -> Tape + Send + Sync + 'static) -> Self {
        self.settings.title = Some(Arc::new(title));
        self
    }

    fn of(place: Place) -> Self {
        let (edge, mask, counts) = (Edge::default(), Mask::default(), Arc::default());
        let (title, components) = (None, Arc::default());
        Self {
            settings: Settings {
                place,
                edge,
                mask,
                title,
                wassette: false,
                components,
                digests: false,
                counts,
            },
        }
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

    /// Masks no secrets: the tape holds what was said, credentials and all. A tape that says of before that it is masked goes
    /// on saying so; that is only warned of, in the log.
    #[cfg(feature = "secret")]
    pub fn unmasked(mut self) -> Self {
        self.settings.mask.detector(None);
        self
    }

    /// Masks what stands there, too, in whatever message has such a place: `/params/arguments/card`. In it `*` is any one
    /// step: `/result/content/*/text`. A message in which a key on the way stands twice is not recorded.
    ///
    /// ```
    /// use shadowcat::layer::RecordLayer;
    ///
    /// let layer = RecordLayer::stopped().mask_path("/params/arguments/*/card".parse()?);
    /// # Ok::<(), shadowcat::message::InvalidPointer>(())
    /// ```
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
