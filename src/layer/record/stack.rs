//! What one stack records, and where.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::components::Components;
use super::mask::Mask;
use super::sessions::Sessions;
use crate::message::{Direction, JsonRpcMessage, RefusedFrame};
use crate::tape::{Component, Edge, Overflow, Recorder, RecorderStats, Tape, Watched};

/// What a layer did, and what became of the entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages of which something was masked.
    pub masked: u64,
    /// Messages that are not on the tape because they could not be masked.
    pub unmaskable: u64,
    /// The layer stands above one that strips requests: it has seen what that one takes away.
    pub is_above_strip: bool,
    /// Messages that are on no tape because the system had no thread to write one.
    pub unrecorded: u64,
    /// Messages that did not go on for that reason, since the recorder was to fail closed.
    pub refused: u64,
    /// Of the recorder that there is now, or of all sessions' own together.
    pub recorders: RecorderStats,
}

/// Where a layer records to.
#[derive(Clone)]
pub(super) enum Place {
    /// The recorder that there is now, for all stacks.
    Shared(Arc<Now>),
    /// One for each stack.
    PerStack(Arc<Sessions>),
}

/// A recorder that can be changed.
#[derive(Default)]
pub(super) struct Now {
    recorder: RwLock<Option<Recorder>>,
    /// It lets calls wait for room.
    waits: AtomicBool,
}

impl Now {
    pub(super) fn switch(&self, to: Option<Recorder>) -> Option<Recorder> {
        let mut now = self.recorder.write().unwrap_or_else(PoisonError::into_inner);
        let waits = to.as_ref().is_some_and(|to| to.overflow() == Overflow::Backpressure);
        self.waits.store(waits, Ordering::Release);
        let before = std::mem::replace(&mut *now, to);
        drop(now);
        before.iter().for_each(Recorder::wake);
        before
    }

    pub(super) fn recorder(&self) -> Option<Recorder> {
        self.recorder.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What is to be done with a message.
pub(super) enum Taken {
    Record(Recorder),
    /// Nobody records.
    Pass,
    /// It would have to be recorded, and cannot be.
    Refuse,
}

/// Says more of the tape of the session whose first message this is.
pub(super) type Title = Arc<dyn Fn(Tape, &JsonRpcMessage) -> Tape + Send + Sync>;

/// What all stacks of a layer share.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) place: Place,
    pub(super) edge: Edge,
    pub(super) mask: Mask,
    /// What the application says of the tape of a session.
    pub(super) title: Option<Title>,
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
    unrecorded: AtomicU64,
    refused: AtomicU64,
}

impl Counts {
    pub(super) fn read(&self) -> Stats {
        Stats {
            masked: self.masked.load(Ordering::Relaxed),
            unmaskable: self.unmaskable.load(Ordering::Relaxed),
            is_above_strip: self.is_above_strip.load(Ordering::Relaxed),
            unrecorded: self.unrecorded.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            recorders: RecorderStats::default(),
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
        recorder.name_redaction(self.mask.profile().as_deref());
        let given = self.components.clone();
        if !given.is_empty() {
            recorder.update(move |tape| {
                for component in given.iter() {
                    if !tape.components.iter().any(|known| known.id == component.id) {
                        tape.components.push(component.clone());
                    }
                }
            });
        }
    }

    /// Records what a front end refused.
    pub(super) fn refused(&self, recorder: &Recorder, frame: &RefusedFrame<'_>) {
        if !recorder.is_recording() {
            return;
        }
        let bytes = self.mask.refused(frame.bytes);
        let mut why = String::from_utf8_lossy(&self.mask.text(frame.why.as_bytes())).into_owned();
        if bytes.is_none() {
            self.counts.unmaskable.fetch_add(1, Ordering::Relaxed);
            let _ = write!(why, "; its {} bytes are not recorded", frame.bytes.len());
        }
        let (recorder, bytes) = (recorder.at_edge(self.edge), bytes.unwrap_or_default());
        recorder.refused_in(frame.session, Direction::ToUpstream, bytes, &why);
    }
}

/// What belongs to one stack.
pub(super) struct Stack {
    pub(super) settings: Settings,
    own: Mutex<Own>,
    pub(super) components: Option<Components>,
}

/// The recorder of one stack, where each has its own.
#[derive(Default)]
struct Own {
    /// Of a clone of the layer that stands above, by its number. The stack above holds it, and ends its tape.
    above: Option<(u32, Watched)>,
    /// There were several: what does not say whose it is could be of any.
    is_shared: bool,
    /// Made when the first message comes that has none above.
    made: Option<Recorder>,
    /// It could not be made, which was told.
    has_failed: bool,
}

impl Own {
    /// For a message that is marked so.
    fn recorder(&self, mark: u32) -> Option<Recorder> {
        let above = self.above.as_ref().filter(|(known, _)| !self.is_shared || *known == mark);
        above.and_then(|(_, above)| above.recorder()).or_else(|| self.made.clone())
    }
}

impl Stack {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            own: Mutex::default(),
            components: settings.wassette.then(|| Components::new(&settings.components, settings.digests)),
        }
    }

    /// What is to be done with a message now.
    pub(super) fn take(&self, message: &JsonRpcMessage) -> Taken {
        match &self.settings.place {
            Place::Shared(now) => {
                let now = now.recorder.read().unwrap_or_else(PoisonError::into_inner);
                now.as_ref().map_or(Taken::Pass, |now| Taken::Record(now.at_edge(self.settings.edge)))
            }
            Place::PerStack(sessions) => self.own(message, sessions),
        }
    }

    /// Each message tries again to start what could not be started.
    fn own(&self, message: &JsonRpcMessage, sessions: &Sessions) -> Taken {
        if message.recorder() == sessions.nobody {
            return Taken::Pass;
        }
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(above) = self.above(message, sessions, &own) {
            own.is_shared |= own.above.is_some();
            own.above = Some(above);
        }
        if let Some(recorder) = own.recorder(message.recorder()) {
            return Taken::Record(recorder.at_edge(self.settings.edge));
        }
        if sessions.is_stopped() {
            return Taken::Pass;
        }
        match sessions.start(message, self.settings.title.as_ref()) {
            Ok(recorder) => {
                self.settings.install(&recorder);
                let recorder = own.made.insert(recorder);
                Taken::Record(recorder.at_edge(self.settings.edge))
            }
            Err(error) => {
                if !std::mem::replace(&mut own.has_failed, true) {
                    tracing::error!(%error, "a session is not recorded");
                }
                self.unrecordable(message, sessions.options.overflow_policy())
            }
        }
    }

    /// The recorder of a clone of this layer that stands above in the same stack, and has marked the message.
    fn above(&self, message: &JsonRpcMessage, sessions: &Sessions, own: &Own) -> Option<(u32, Watched)> {
        let id = message.recorder();
        if id == 0 || own.above.as_ref().is_some_and(|(known, _)| *known == id) {
            return None;
        }
        let recorder = sessions.recorder_by(id)?;
        self.settings.install(&recorder);
        Some((id, Watched::new(&recorder)))
    }

    /// A message that is not recorded, of a session with a recorder or without: a clone of this layer that stands below
    /// knows then that it is of none of those that it has seen.
    pub(super) fn unrecorded(&self, message: JsonRpcMessage, of: Option<&Recorder>) -> JsonRpcMessage {
        match &self.settings.place {
            Place::Shared(_) => message,
            // Also in the place of another layer's mark, whose edges then number the call each by itself.
            Place::PerStack(sessions) => message.of_recorder((of.map_or(sessions.nobody, Recorder::id), 0)),
        }
    }

    fn unrecordable(&self, message: &JsonRpcMessage, overflow: Overflow) -> Taken {
        let counts = &self.settings.counts;
        if overflow == Overflow::FailClosed && !message.is_session_listen() {
            counts.refused.fetch_add(1, Ordering::Relaxed);
            return Taken::Refuse;
        }
        counts.unrecorded.fetch_add(1, Ordering::Relaxed);
        Taken::Pass
    }

    /// Whether calls may have to wait for room. It takes no lock.
    pub(super) fn may_wait(&self) -> bool {
        match &self.settings.place {
            Place::Shared(now) => now.waits.load(Ordering::Acquire),
            Place::PerStack(sessions) => sessions.options.overflow_policy() == Overflow::Backpressure,
        }
    }

    /// The recorder whose room is waited for, if there is none now.
    pub(super) fn waits_for(&self) -> Option<Recorder> {
        let recorder = match &self.settings.place {
            Place::Shared(now) => now.recorder(),
            Place::PerStack(_) => {
                let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
                own.above.as_ref().and_then(|(_, above)| above.recorder()).or_else(|| own.made.clone())
            }
        };
        let waits =
            |recorder: &Recorder| recorder.overflow() == Overflow::Backpressure && recorder.is_recording();
        recorder.filter(|recorder| waits(recorder) && !recorder.has_room())
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("edge", &self.edge).field("mask", &self.mask).finish_non_exhaustive()
    }
}
