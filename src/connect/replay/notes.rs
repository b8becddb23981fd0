//! Notifications of the client: which recorded one it is, and what is said of one that is none.

use super::index::{Index, LOOKED_AT};
use super::mismatch::{Mismatch, MismatchKind};
use super::options::{Matching, Options, Repeats};
use super::script::Script;
use super::state::{Shared, State};
use crate::message::JsonRpcMessage;
use crate::protocol::method;

impl Shared {
    /// The client said something that is not answered.
    pub(super) fn note(&self, message: &JsonRpcMessage) {
        if message.is_method(method::CANCELLED) {
            return; // what is cancelled is dropped
        }
        self.change(|state| {
            let State { said, next_note, .. } = state;
            let first = |equal: &[usize]| next(equal, said, next_note);
            match self.index.note(&self.script, message, first, |at| !said[at]) {
                Some(at) => {
                    let note = &self.script.notes[at];
                    state.said[at] = true;
                    state.reach(note.frame, note.at);
                }
                None => self.unrecorded(state, message),
            }
        });
    }

    fn unrecorded(&self, state: &mut State, message: &JsonRpcMessage) {
        state.stats.unrecorded_notifications += 1;
        if let Some(mismatch) = self.index.unrecorded_note(&self.script, &self.options, message) {
            state.mismatch(mismatch);
        }
    }
}

/// The first of equal notes that was not said. What was said is passed over once.
fn next(equal: &[usize], said: &[bool], next_note: &mut [usize]) -> Option<usize> {
    let next = &mut next_note[*equal.first()?];
    *next += equal[*next..].iter().take_while(|at| said[**at]).count();
    equal.get(*next).copied()
}

impl Index {
    /// The first such note that is wanted; of those that are equal, `first` finds it.
    fn note(
        &self,
        script: &Script,
        message: &JsonRpcMessage,
        mut first: impl FnMut(&[usize]) -> Option<usize>,
        is_wanted: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let mut of_key = |message: &JsonRpcMessage| first(self.notes.get(&self.key(message))?);
        of_key(message).or_else(|| of_key(&self.masks.taped(message)?)).or_else(|| {
            let essence = self.essence(message);
            let is_alike = |at: usize| {
                is_wanted(at) && self.is_alike(&self.essence(&script.notes[at].message), &essence)
            };
            self.masked_notes.find(message, &essence, &is_wanted, is_alike)
        })
    }

    /// What is wrong with one that was not recorded, or not so often. As for requests, the options say what may be.
    fn unrecorded_note(
        &self,
        script: &Script,
        options: &Options,
        message: &JsonRpcMessage,
    ) -> Option<Mismatch> {
        if let Some(at) = self.note(script, message, |equal| equal.first().copied(), |_| true) {
            let mismatch = Mismatch::new(MismatchKind::TooOften, self.title(message));
            let is_refused = options.repeats == Repeats::Refuse;
            return is_refused.then(|| mismatch.nearest(script.notes[at].frame, Vec::new()));
        }
        let mismatch = Mismatch::new(MismatchKind::Notification, self.title(message));
        let alike = script.notes.iter().filter(|note| note.message.method() == message.method());
        let essence = self.essence(message);
        let unlike = |recorded| self.unlike(&self.essence(recorded), &essence);
        let nearest = alike.take(LOOKED_AT).map(|note| (note, unlike(&note.message)));
        match nearest.min_by_key(|(_, found)| found.len()) {
            None => Some(mismatch),
            Some(_) if options.matching == Matching::Lenient => None,
            Some((note, found)) => {
                Some(mismatch.nearest(note.frame, self.told(found, &note.message, message)))
            }
        }
    }
}
