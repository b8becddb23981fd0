use std::sync::{Arc, PoisonError, RwLock};

use tower_layer::Layer;

use super::Record;
use super::mask::Mask;
use super::stack::{Place, Settings, Stack, Stats};
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
        Self::of(Place::Shared(Arc::new(RwLock::new(Some(recorder)))))
    }

    /// Into nothing until [`start`](Self::start).
    pub fn stopped() -> Self {
        Self::of(Place::Shared(Arc::default()))
    }

    /// Each stack that the layer is built into has a tape of its own: each session, where a front end makes a stack for
    /// each. It begins with the first message and ends with the stack. `make` makes its sink, on the recorder's own
    /// thread; the tape names the session, if there is one. Where `make` fails it is asked again, and entries wait.
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
        Self::of(Place::PerStack(Arc::new(make), options))
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
            Place::Shared(now) => {
                std::mem::replace(&mut *now.write().unwrap_or_else(PoisonError::into_inner), to)
            }
            Place::PerStack(..) => to,
        }
    }

    /// What it did so far, in all stacks.
    pub fn stats(&self) -> Stats {
        self.settings.counts.read()
    }

    /// What a front end is given, so that what it refuses is recorded as well: `serve::stdio(stack).on_refused(…)`, and
    /// the same on HTTP. It is masked, as text. A layer that records per session has no tape for it.
    pub fn on_refused(&self) -> impl Fn(&RefusedFrame<'_>) + Clone + Send + Sync + 'static {
        let settings = self.settings.clone();
        move |frame| {
            let Place::Shared(now) = &settings.place else { return };
            let recorder = now.read().unwrap_or_else(PoisonError::into_inner).clone();
            recorder.iter().for_each(|recorder| settings.refused(recorder, frame));
        }
    }
}

impl<S> Layer<S> for RecordLayer {
    type Service = Record<S>;

    fn layer(&self, inner: S) -> Record<S> {
        if let Place::Shared(now) = &self.settings.place {
            let now = now.read().unwrap_or_else(PoisonError::into_inner);
            now.iter().for_each(|recorder| self.settings.install(recorder));
        }
        Record { inner, stack: Arc::new(Stack::new(&self.settings)) }
    }
}
