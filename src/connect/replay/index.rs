//! Which recorded request answers one of the client's.

use std::collections::HashMap;

use super::essence;
use super::mask::{self, Masks};
use super::masked::Masked;
use super::mismatch::{Mismatch, MismatchKind};
use super::options::{Matching, Options, Repeats};
use super::script::Script;
use super::state::State;
use crate::message::JsonRpcMessage;
use crate::protocol::method;
use crate::tape::{Comparison, Difference};

/// How many recorded requests are looked at for the nearest.
pub(super) const LOOKED_AT: usize = 256;

/// Recorded requests by what counts of them.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) comparison: Comparison,
    answers: Comparison,
    kept_meta: Vec<String>,
    /// Whether `requestState` counts.
    state_counts: bool,
    /// What counts of each exchange.
    essences: Vec<Vec<u8>>,
    /// By key, the number of the group.
    groups: HashMap<Vec<u8>, usize>,
    /// Exchanges that ask for the same, in order.
    members: Vec<Vec<usize>>,
    /// Groups of which something is masked on the tape.
    masked: Masked,
    /// By key, the notes in order.
    pub(super) notes: HashMap<Vec<u8>, Vec<usize>>,
    pub(super) masked_notes: Masked,
    pub(super) masks: Masks,
}

impl Index {
    pub(super) fn new(script: &Script, options: &Options) -> Self {
        let answers = options.comparison.clone().ignore("/id").unwrap_or_else(|_| options.comparison.clone());
        let mut index = Self {
            comparison: options.comparison.clone(),
            answers,
            kept_meta: options.kept_meta.clone(),
            state_counts: options.state_counts,
            essences: Vec::new(),
            groups: HashMap::new(),
            members: Vec::new(),
            masked: Masked::new(&options.comparison),
            notes: HashMap::new(),
            masked_notes: Masked::new(&options.comparison),
            masks: Masks::of(script.redaction.as_deref()),
        };
        for (at, exchange) in script.exchanges.iter().enumerate() {
            let essence = index.essence(&exchange.request);
            let group = *index.groups.entry(index.comparison.key(&essence)).or_insert(index.members.len());
            if group == index.members.len() {
                index.members.push(Vec::new());
                index.masked.add(&exchange.request, &essence, group);
            }
            index.members[group].push(at);
            index.essences.push(essence);
        }
        for (at, note) in script.notes.iter().enumerate() {
            let essence = index.essence(&note.message);
            index.masked_notes.add(&note.message, &essence, at);
            index.notes.entry(index.comparison.key(&essence)).or_default().push(at);
        }
        index
    }

    pub(super) fn groups(&self) -> usize {
        self.members.len()
    }

    /// All exchanges by what they ask for.
    pub(super) fn all(&self) -> impl Iterator<Item = (&[u8], &[usize])> {
        self.groups.iter().map(|(key, group)| (&**key, &*self.members[*group]))
    }

    /// Those that ask for this.
    pub(super) fn of(&self, key: &[u8]) -> &[usize] {
        self.groups.get(key).map_or(&[], |group| &self.members[*group])
    }

    pub(super) fn essence(&self, message: &JsonRpcMessage) -> Vec<u8> {
        essence::of(message, &self.kept_meta, self.state_counts)
    }

    pub(super) fn key(&self, message: &JsonRpcMessage) -> Vec<u8> {
        self.comparison.key(&self.essence(message))
    }

    /// What a request asks for, for people.
    pub(super) fn title(&self, message: &JsonRpcMessage) -> String {
        self.masks.title(message)
    }

    /// How an answer of the client differs from the recorded one, ids and what is masked aside.
    pub(super) fn answer(&self, recorded: &JsonRpcMessage, said: &JsonRpcMessage) -> Vec<Difference> {
        let unlike = |said: &JsonRpcMessage| {
            let found = self.answers.differences(recorded.bytes(), said.bytes());
            mask::unexplained(found, recorded.bytes(), said.bytes())
        };
        let found = unlike(said);
        if found.is_empty() || self.masks.taped(said).is_some_and(|said| unlike(&said).is_empty()) {
            return Vec::new();
        }
        let [recorded, said] = [recorded, said].map(|message| self.masks.shown(message));
        let bytes = |shown: &'_ Option<JsonRpcMessage>| shown.as_ref().map(|shown| shown.bytes().clone());
        mask::told(found, bytes(&recorded).as_deref(), bytes(&said).as_deref())
    }

    /// The exchange that answers, which counts as played then.
    pub(super) fn find(
        &self,
        script: &Script,
        options: &Options,
        state: &mut State,
        request: &JsonRpcMessage,
    ) -> Result<usize, Mismatch> {
        let essence = self.essence(request);
        if options.matching == Matching::Sequence {
            return self.in_sequence(script, state, request, &essence);
        }
        match self.group(state, request, &essence) {
            Some(group) => self.in_group(state, request, group, options.repeats),
            None => {
                let other = (options.matching == Matching::Lenient).then(|| fallback(script, request));
                let other = other.flatten().ok_or_else(|| self.unrecorded(script, request, &essence))?;
                state.stats.fallbacks += 1;
                Ok(other)
            }
        }
    }

    /// Those that ask for the same, or would if the tape told it all: then those first that were not all played.
    fn group(&self, state: &State, request: &JsonRpcMessage, essence: &[u8]) -> Option<usize> {
        self.same(request, essence).or_else(|| {
            let is_left = |group: usize| state.next_in_group[group] < self.members[group].len();
            let is_alike = |group: usize| self.is_alike(&self.essences[self.members[group][0]], essence);
            self.masked.find(request, essence, is_left, is_alike)
        })
    }

    /// Whether it begins a session, and was played as often as it was recorded: another client says it.
    pub(super) fn is_begun_again(&self, state: &State, request: &JsonRpcMessage) -> bool {
        let begins = request.is_method(method::DISCOVER) || request.is_method(method::INITIALIZE);
        let is_played = |group: usize| self.members[group].iter().all(|at| state.played[*at] > 0);
        begins && self.group(state, request, &self.essence(request)).is_some_and(is_played)
    }

    /// Those that ask for this, as it was said or as the tape has it.
    fn same(&self, request: &JsonRpcMessage, essence: &[u8]) -> Option<usize> {
        let exact = |essence: &[u8]| self.groups.get(&self.comparison.key(essence)).copied();
        exact(essence).or_else(|| exact(&self.essence(&self.masks.taped(request)?)))
    }

    /// Whether both are equal but for what is masked on the tape.
    pub(super) fn is_alike(&self, recorded: &[u8], said: &[u8]) -> bool {
        self.unlike(recorded, said).is_empty()
    }

    pub(super) fn unlike(&self, recorded: &[u8], said: &[u8]) -> Vec<Difference> {
        mask::unexplained(self.comparison.differences(recorded, said), recorded, said)
    }

    fn in_sequence(
        &self,
        script: &Script,
        state: &mut State,
        request: &JsonRpcMessage,
        essence: &[u8],
    ) -> Result<usize, Mismatch> {
        let next = state.sequence;
        let mismatch = || Mismatch::new(MismatchKind::OutOfOrder, self.title(request));
        let Some(exchange) = script.exchanges.get(next) else { return Err(mismatch()) };
        let is_next = |group: usize| self.members[group].binary_search(&next).is_ok();
        if !self.same(request, essence).is_some_and(is_next) {
            let found = self.unlike(&self.essences[next], essence);
            if !found.is_empty() {
                return Err(mismatch().nearest(exchange.frame, self.told(found, &exchange.request, request)));
            }
        }
        state.sequence += 1;
        Ok(next)
    }

    /// What differs between two requests, for people.
    pub(super) fn told(
        &self,
        found: Vec<Difference>,
        recorded: &JsonRpcMessage,
        said: &JsonRpcMessage,
    ) -> Vec<Difference> {
        let shown = |message| Some(self.essence(&self.masks.shown(message)?));
        mask::told(found, shown(recorded).as_deref(), shown(said).as_deref())
    }

    fn in_group(
        &self,
        state: &mut State,
        request: &JsonRpcMessage,
        group: usize,
        repeats: Repeats,
    ) -> Result<usize, Mismatch> {
        let members = &self.members[group];
        let next = &mut state.next_in_group[group];
        if let Some(exchange) = members.get(*next) {
            *next += 1;
            return Ok(*exchange);
        }
        match (repeats, members.last()) {
            (Repeats::Last, Some(last)) => {
                state.stats.repeats += 1;
                Ok(*last)
            }
            _ => Err(Mismatch::new(MismatchKind::TooOften, self.title(request))),
        }
    }

    /// With the nearest of the same tool, or else of the same method.
    fn unrecorded(&self, script: &Script, request: &JsonRpcMessage, essence: &[u8]) -> Mismatch {
        let mismatch = Mismatch::new(MismatchKind::NotRecorded, self.title(request));
        let subject = essence::subject(request);
        let of_method = |at: &usize| script.exchanges[*at].request.method() == request.method();
        let of_subject = |at: &usize| essence::subject(&script.exchanges[*at].request) == subject;
        let alike: Vec<usize> = (0..script.exchanges.len()).filter(of_method).collect();
        let same: Vec<usize> = alike.iter().copied().filter(of_subject).collect();
        let near = if same.is_empty() { alike } else { same };
        let unlike = |at: usize| (&script.exchanges[at], self.unlike(&self.essences[at], essence));
        let nearest = near.into_iter().take(LOOKED_AT).map(unlike);
        match nearest.min_by_key(|(_, found)| found.len()) {
            Some((one, found)) => mismatch.nearest(one.frame, self.told(found, &one.request, request)),
            None => mismatch,
        }
    }
}

/// The last answered exchange of the same tool, prompt or resource, or of the same method where there is no such.
fn fallback(script: &Script, request: &JsonRpcMessage) -> Option<usize> {
    let subject = essence::subject(request);
    let is_like = |at: &usize| {
        let exchange = &script.exchanges[*at];
        exchange.is_answered()
            && exchange.request.method() == request.method()
            && essence::subject(&exchange.request) == subject
    };
    (0..script.exchanges.len()).rev().find(is_like)
}
