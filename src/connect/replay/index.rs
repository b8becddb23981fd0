//! Which recorded request answers one of the client's.

use std::collections::HashMap;

use super::essence;
use super::mismatch::{Mismatch, MismatchKind};
use super::options::{Matching, Options, Repeats};
use super::script::Script;
use super::state::State;
use crate::message::JsonRpcMessage;
use crate::tape::{Comparison, Difference};

/// How many recorded requests are looked at for the nearest.
const LOOKED_AT: usize = 256;

/// Recorded requests by what counts of them.
#[derive(Debug)]
pub(super) struct Index {
    comparison: Comparison,
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
    /// By key, the notes in order.
    notes: HashMap<Vec<u8>, Vec<usize>>,
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
            notes: HashMap::new(),
        };
        for (at, exchange) in script.exchanges.iter().enumerate() {
            let essence = index.essence(&exchange.request);
            let group = *index.groups.entry(index.comparison.key(&essence)).or_insert(index.members.len());
            if group == index.members.len() {
                index.members.push(Vec::new());
            }
            index.members[group].push(at);
            index.essences.push(essence);
        }
        for (at, note) in script.notes.iter().enumerate() {
            let key = index.key(&note.message);
            index.notes.entry(key).or_default().push(at);
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

    fn essence(&self, message: &JsonRpcMessage) -> Vec<u8> {
        essence::of(message, &self.kept_meta, self.state_counts)
    }

    pub(super) fn key(&self, message: &JsonRpcMessage) -> Vec<u8> {
        self.comparison.key(&self.essence(message))
    }

    /// The first such note that the client has not said yet.
    pub(super) fn note(&self, message: &JsonRpcMessage, said: &[bool]) -> Option<usize> {
        self.notes.get(&self.key(message))?.iter().copied().find(|at| !said[*at])
    }

    /// How an answer of the client differs from the recorded one, ids aside.
    pub(super) fn answer(&self, recorded: &JsonRpcMessage, said: &JsonRpcMessage) -> Vec<Difference> {
        self.answers.differences(recorded.bytes(), said.bytes())
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
        let group = self.groups.get(&self.comparison.key(&essence)).copied();
        match options.matching {
            Matching::Sequence => self.in_sequence(script, state, request, &essence, group),
            _ => {
                let found = match group {
                    Some(group) => self.in_group(state, request, group, options.repeats),
                    None => Err(self.unrecorded(script, request, &essence)),
                };
                match found {
                    Err(mismatch) if options.matching == Matching::Lenient => {
                        let other = fallback(script, request).ok_or(mismatch)?;
                        state.stats.fallbacks += 1;
                        Ok(other)
                    }
                    found => found,
                }
            }
        }
    }

    fn in_sequence(
        &self,
        script: &Script,
        state: &mut State,
        request: &JsonRpcMessage,
        essence: &[u8],
        group: Option<usize>,
    ) -> Result<usize, Mismatch> {
        let next = state.sequence;
        let mismatch = || Mismatch::new(MismatchKind::OutOfOrder, essence::title(request));
        let Some(exchange) = script.exchanges.get(next) else { return Err(mismatch()) };
        if !group.is_some_and(|group| self.members[group].contains(&next)) {
            let differences = self.comparison.differences(&self.essences[next], essence);
            return Err(mismatch().nearest(exchange.frame, differences));
        }
        state.sequence += 1;
        Ok(next)
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
            _ => Err(Mismatch::new(MismatchKind::TooOften, essence::title(request))),
        }
    }

    /// With the nearest of the same tool, or else of the same method.
    fn unrecorded(&self, script: &Script, request: &JsonRpcMessage, essence: &[u8]) -> Mismatch {
        let mismatch = Mismatch::new(MismatchKind::NotRecorded, essence::title(request));
        let subject = essence::subject(request);
        let of_method = |at: &usize| script.exchanges[*at].request.method() == request.method();
        let of_subject = |at: &usize| essence::subject(&script.exchanges[*at].request) == subject;
        let alike: Vec<usize> = (0..script.exchanges.len()).filter(of_method).collect();
        let same: Vec<usize> = alike.iter().copied().filter(of_subject).collect();
        let near = if same.is_empty() { alike } else { same };
        let differences = |at: usize| (at, self.comparison.differences(&self.essences[at], essence));
        let nearest = near.into_iter().take(LOOKED_AT).map(differences);
        match nearest.min_by_key(|(_, differences)| differences.len()) {
            Some((at, differences)) => mismatch.nearest(script.exchanges[at].frame, differences),
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
