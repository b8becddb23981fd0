//! What one stack records, and where.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::components::Components;
use super::mask::Mask;
use crate::message::{Direction, JsonRpcMessage, RefusedFrame};
use crate::tape::{Component, Edge, Recorder, RecorderOptions, Sink, Tape, TapeError};

/// Makes the sink of a tape.
pub(super) type Make = Arc<dyn Fn(&Tape) -> Result<Box<dyn Sink>, TapeError> + Send + Sync>;

/// What a layer did beside what its recorders count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages of which something was masked.
    pub masked: u64,
    /// Messages that are not on the tape because they could not be masked.
    pub unmaskable: u64,
    /// The layer stands above one that strips requests: it has seen what that one takes away.
    pub is_above_strip: bool,
}

/// Where a layer records to.
#[derive(Clone)]
pub(super) enum Place {
    /// The recorder that there is now, for all stacks.
    Shared(Arc<RwLock<Option<Recorder>>>),
    /// One for each stack.
    PerStack(Make, RecorderOptions),
}

/// What all stacks of a layer share.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) place: Place,
    pub(super) edge: Edge,
    pub(super) mask: Mask,
    pub(super) wassette: bool,
    /// What the application says of components.
    pub(super) components: Arc<[Component]>,
    /// Whether digests are taken of their files.
    pub(super) digests: bool,
    pub(super) counts: Arc<Counts>,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) masked: AtomicU64,
    pub(super) unmaskable: AtomicU64,
    is_above_strip: AtomicBool,
}

impl Counts {
    pub(super) fn read(&self) -> Stats {
        Stats {
            masked: self.masked.load(Ordering::Relaxed),
            unmaskable: self.unmaskable.load(Ordering::Relaxed),
            is_above_strip: self.is_above_strip.load(Ordering::Relaxed),
        }
    }

    /// Told once.
    #[cfg(feature = "secret")]
    pub(super) fn above_strip(&self) {
        if !self.is_above_strip.swap(true, Ordering::Relaxed) {
            tracing::warn!("a RecordLayer stands above a layer that strips requests: put it below");
        }
    }
}

impl Settings {
    /// Names on a tape what is masked, and the components that the application knows.
    pub(super) fn install(&self, recorder: &Recorder) {
        let (profile, given) = (self.mask.profile(), self.components.clone());
        if profile.is_none() && given.is_empty() {
            return;
        }
        recorder.update(move |tape| {
            tape.redaction = tape.redaction.take().or_else(|| profile.map(Into::into));
            for component in given.iter() {
                if !tape.components.iter().any(|known| known.id == component.id) {
                    tape.components.push(component.clone());
                }
            }
        });
    }

    /// Records what a front end refused.
    pub(super) fn refused(&self, recorder: &Recorder, frame: &RefusedFrame<'_>) {
        let why = self.mask.text(frame.why.as_bytes());
        recorder.at_edge(self.edge).refused(
            Direction::ToUpstream,
            self.mask.text(frame.bytes).into_owned(),
            &String::from_utf8_lossy(&why),
        );
    }
}

/// What belongs to one stack.
pub(super) struct Stack {
    pub(super) settings: Settings,
    /// Its own recorder, made when its first message comes.
    own: Mutex<Own>,
    pub(super) components: Option<Components>,
}

#[derive(Default)]
enum Own {
    #[default]
    None,
    Made(Recorder),
    Failed,
}

impl Stack {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            own: Mutex::default(),
            components: settings.wassette.then(|| Components::new(&settings.components, settings.digests)),
        }
    }

    /// The recorder for a message, if there is one now.
    pub(super) fn recorder(&self, message: &JsonRpcMessage) -> Option<Recorder> {
        match &self.settings.place {
            Place::Shared(now) => {
                let now = now.read().unwrap_or_else(PoisonError::into_inner);
                Some(now.as_ref()?.at_edge(self.settings.edge))
            }
            Place::PerStack(make, options) => self.own(message, make, options),
        }
    }

    fn own(&self, message: &JsonRpcMessage, make: &Make, options: &RecorderOptions) -> Option<Recorder> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Own::None = *own {
            *own = match start(message, make, options) {
                Ok(recorder) => {
                    self.settings.install(&recorder);
                    Own::Made(recorder.at_edge(self.settings.edge))
                }
                Err(error) => {
                    tracing::error!(%error, "a session is not recorded");
                    Own::Failed
                }
            };
        }
        match &*own {
            Own::Made(recorder) => Some(recorder.clone()),
            Own::None | Own::Failed => None,
        }
    }
}

fn start(
    message: &JsonRpcMessage,
    make: &Make,
    options: &RecorderOptions,
) -> Result<Recorder, crate::error::BoxError> {
    let mut tape = Tape::new()?;
    if let Some(session) = message.context().and_then(|context| context.session_id()) {
        tape = tape.session(session);
    }
    let make = make.clone();
    Ok(Recorder::start_late(move |tape| make(tape), tape, options.clone())?)
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("edge", &self.edge).field("mask", &self.mask).finish_non_exhaustive()
    }
}
