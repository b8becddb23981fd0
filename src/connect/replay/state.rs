//! Where a replay stands.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::index::Index;
use super::mismatch::Mismatch;
use super::options::Options;
use super::script::{Item, Script};
use super::stats::Stats;
use crate::message::{JsonRpcMessage, OwnedId};

/// How many mismatches are kept.
const KEPT: usize = 64;

/// What the clones of a replay share.
pub(super) struct Shared {
    pub(super) script: Arc<Script>,
    pub(super) index: Arc<Index>,
    pub(super) options: Options,
    state: Mutex<State>,
}

pub(super) struct State {
    /// The last frame of the tape that was reached, when it was recorded, and when it was reached.
    pub(super) reached: Reached,
    /// How often each exchange was played.
    pub(super) played: Vec<u32>,
    pub(super) next_in_group: Vec<usize>,
    pub(super) sequence: usize,
    /// Of each recorded note, whether the client said it.
    pub(super) said: Vec<bool>,
    /// Of notes that are equal, by the first of them: so many were said, without a gap.
    pub(super) next_note: Vec<usize>,
    /// What the client was asked and has not answered, by the id that it knows.
    pub(super) asked: HashMap<OwnedId, Asked>,
    /// Calls that are being played.
    pub(super) plays: HashMap<u64, Playing>,
    /// How often it was rewound.
    turn: u64,
    next_play: u64,
    next_question: u64,
    /// How much was said on the session's listen.
    pub(super) unasked: usize,
    pub(super) listeners: usize,
    /// Questions of the listen that were answered.
    heard: HashSet<usize>,
    /// So many of those that were answered then are answered, without a gap.
    heard_first: usize,
    pub(super) mismatches: Vec<Mismatch>,
    pub(super) stats: Stats,
    /// Whoever waits for something to happen; emptied whenever something does.
    wakers: Vec<Waker>,
}

#[derive(Clone, Copy)]
pub(super) struct Reached {
    pub(super) frame: usize,
    pub(super) recorded: Duration,
    pub(super) now: Instant,
}

/// A question that waits for its answer.
pub(super) struct Asked {
    pub(super) question: usize,
    /// The call that asked; `None` on the session's listen.
    pub(super) play: Option<u64>,
}

/// A call that is being played.
#[derive(Default)]
pub(super) struct Playing {
    /// Questions that were answered, and when.
    pub(super) answered: HashMap<usize, Instant>,
    /// Why it goes no further.
    pub(super) refused: Option<Mismatch>,
    /// So often had the replay been rewound when it began.
    turn: u64,
}

impl Shared {
    pub(super) fn new(script: Arc<Script>, index: Arc<Index>, options: Options) -> Self {
        let state = Mutex::new(State::new(&script, &index));
        Self { script, index, options, state }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What comes next on the session's listen, and when; `None` while it has to wait.
    pub(super) fn unasked(&self, state: &State) -> Option<(&Item, Instant)> {
        let item = self.script.unasked.get(state.unasked)?;
        let is_early = state.reached.frame < item.cause;
        if is_early || self.unheard(state, &item.heard).next().is_some() {
            return None;
        }
        let wait = self.options.timing.wait(item.at.saturating_sub(state.reached.recorded));
        Some((item, state.reached.now + wait))
    }

    /// Of these questions of the listen, which the client had answered then, those that it has not answered now.
    fn unheard(&self, state: &State, those: &Range<usize>) -> impl Iterator<Item = usize> {
        let left = those.start.max(state.heard_first)..those.end;
        let answered = self.script.answered.get(left).unwrap_or_default();
        answered.iter().copied().filter(|question| !state.heard.contains(question))
    }

    /// Whether one of these is, or will be, asked on the listen, and has no answer yet. Where what came before it then
    /// did not come now, it may never be asked.
    pub(super) fn is_to_come(&self, state: &State, those: &Range<usize>) -> bool {
        let next = self.script.unasked.get(state.unasked).map(|item| item.frame);
        let is_asked = |question: usize| next.is_none_or(|next| question < next);
        let cause = |question| self.script.questions.get(&question).map_or(0, |question| question.cause);
        let is_due = |question| state.listeners > 0 && state.reached.frame >= cause(question);
        self.unheard(state, those).any(|question| is_asked(question) || is_due(question))
    }

    /// These questions of the listen are answered, or will not be.
    pub(super) fn hear(&self, state: &mut State, questions: impl IntoIterator<Item = usize>) {
        state.heard.extend(questions);
        let rest = self.script.answered[state.heard_first..].iter();
        state.heard_first += rest.take_while(|question| state.heard.contains(question)).count();
    }

    /// Whether something that was said on the listen before this frame can be said there now.
    pub(super) fn is_overtaken(&self, state: &State, frame: usize) -> bool {
        let next = self.unasked(state).filter(|(item, due)| item.frame < frame && *due <= Instant::now());
        state.listeners > 0 && next.is_some()
    }

    /// Does something, and wakes whoever waits for it.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let done = change(&mut state);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        done
    }
}

impl State {
    fn new(script: &Script, index: &Index) -> Self {
        Self {
            reached: Reached { frame: 0, recorded: Duration::ZERO, now: Instant::now() },
            played: vec![0; script.exchanges.len()],
            next_in_group: vec![0; index.groups()],
            sequence: 0,
            said: vec![false; script.notes.len()],
            next_note: vec![0; script.notes.len()],
            asked: HashMap::new(),
            plays: HashMap::new(),
            turn: 0,
            next_play: 0,
            next_question: 0,
            unasked: 0,
            listeners: 0,
            heard: HashSet::new(),
            heard_first: 0,
            mismatches: Vec::new(),
            stats: Stats::default(),
            wakers: Vec::new(),
        }
    }

    /// All that was played counts as not played. Calls under way go on, and move the tape no more; so do the counts of
    /// what was otherwise.
    pub(super) fn rewind(&mut self, script: &Script, index: &Index) {
        let old = std::mem::replace(self, Self::new(script, index));
        let Self { plays, mut asked, next_play, next_question, listeners, .. } = old;
        let Self { turn, mismatches, stats, wakers, .. } = old;
        self.turn = turn + 1;
        asked.retain(|_, asked| asked.play.is_some());
        (self.plays, self.asked, self.next_play, self.next_question) =
            (plays, asked, next_play, next_question);
        (self.listeners, self.mismatches, self.stats, self.wakers) = (listeners, mismatches, stats, wakers);
    }

    /// A frame of the tape has come; what comes after it may come now.
    pub(super) fn reach(&mut self, frame: usize, recorded: Duration) {
        if frame > self.reached.frame {
            self.reached = Reached { frame, recorded, now: Instant::now() };
        }
    }

    /// The same of what comes on a call; nothing where the call began before the replay was rewound.
    pub(super) fn reach_in(&mut self, play: u64, frame: usize, recorded: Duration) {
        if self.plays.get(&play).is_some_and(|playing| playing.turn == self.turn) {
            self.reach(frame, recorded);
        }
    }

    pub(super) fn wait(&mut self, cx: &Context<'_>) {
        if !self.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.wakers.push(cx.waker().clone());
        }
    }

    /// Whether somebody waits for something to happen.
    pub(super) fn is_awaited(&self) -> bool {
        !self.wakers.is_empty()
    }

    /// A call begins to be played.
    pub(super) fn begin(&mut self) -> u64 {
        self.next_play += 1;
        self.plays.insert(self.next_play, Playing { turn: self.turn, ..Playing::default() });
        self.next_play
    }

    /// A call is over; what it asked needs no answer any more.
    pub(super) fn end(&mut self, play: u64) {
        self.plays.remove(&play);
        self.asked.retain(|_, asked| asked.play != Some(play));
    }

    /// The question as the client gets it: under its recorded id, unless that is open already.
    pub(super) fn ask(&mut self, item: &Item, message: JsonRpcMessage, play: Option<u64>) -> JsonRpcMessage {
        let Some(id) = message.owned_id() else { return message };
        self.stats.questions += 1;
        let asked = Asked { question: item.frame, play };
        if let Entry::Vacant(free) = self.asked.entry(id) {
            free.insert(asked);
            return message;
        }
        self.next_question += 1;
        let fresh = OwnedId::from(format!("replay-{}", self.next_question).as_str());
        self.asked.insert(fresh.clone(), asked);
        message.with_id(fresh)
    }

    pub(super) fn mismatch(&mut self, mismatch: Mismatch) {
        tracing::warn!(%mismatch, "not as recorded");
        if self.mismatches.len() < KEPT {
            self.mismatches.push(mismatch);
        }
    }
}
