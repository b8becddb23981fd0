//! Several tapes as one.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::{Entry, Source, Tape, TapeError, TapeId};

/// Names of sessions that are remembered, and bytes of one; beyond that, a session is called after its tape.
const SESSIONS: usize = 10_000;
const NAME: usize = 256;

/// Reads several tapes as one, by the time of day: that of each entry where it is known, else by when its tape began. In
/// memory is one entry of each.
///
/// Parts of one tape, as [`Rotating`](super::Rotating) and [`Split`](super::Split) make them, become that tape again:
/// numbered parts one after the other, others by time. Different tapes are kept apart: calls get new numbers, and a session
/// whose name another tape has too, or that has none, is called after its tape. Where tapes are torn, that is told at the
/// end.
///
/// ```
/// use shadowcat::tape::{self, Entry, EntryKind, Sink, Source, Tape, lines};
/// use shadowcat::Direction;
///
/// # let folder = std::env::temp_dir().join(format!("shadowcat-merge-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let mut tapes = Vec::new();
/// for name in ["one.jsonl", "two.jsonl"] {
///     let mut tape = lines::Writer::create(folder.join(name), &Tape::new()?)?;
///     tape.append(&Entry::new(EntryKind::Note, Direction::ToClient, "hello").session("s").call(1))?;
///     tape.finish()?;
///     tapes.push(tape::open(folder.join(name))?);
/// }
/// let mut merged = tape::merge(tapes)?;
/// let mut both = lines::Writer::create(folder.join("both.jsonl"), merged.tape())?;
/// assert_eq!(tape::copy(&mut merged, &mut both)?.entries, 2);
///
/// let entries: Vec<_> = tape::open(folder.join("both.jsonl"))?.collect::<Result<_, _>>()?;
/// assert_ne!((&entries[0].session, entries[0].call), (&entries[1].session, entries[1].call));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The operating system has no random bytes for the name of the new tape.
pub fn merge(tapes: impl IntoIterator<Item = Box<dyn Source>>) -> Result<Merged, TapeError> {
    let mut tapes: Vec<_> = tapes.into_iter().collect();
    tapes.sort_by_key(|tape| tape.tape().part);
    let mut groups: Vec<TapeId> = Vec::new();
    let mut chains: Vec<Chain> = Vec::new();
    for tape in tapes {
        let id = &tape.tape().id;
        let group = groups.iter().position(|group| group == id).unwrap_or_else(|| {
            groups.push(id.clone());
            groups.len() - 1
        });
        let is_part = tape.tape().part.is_some();
        match chains.iter_mut().find(|chain| is_part && chain.is_part && chain.group == group) {
            Some(chain) => chain.rest.push_back(tape),
            None => chains.push(Chain::new(group, is_part, tape)),
        }
    }
    let tape = title(&chains, Tape::new()?);
    let apart = Apart { groups: groups.len() as u64, created: tape.created, sessions: HashMap::new() };
    Ok(Merged { tape, apart, chains, torn: None, done: false })
}

/// What [`merge`] reads: a tape made of several.
pub struct Merged {
    tape: Tape,
    apart: Apart,
    chains: Vec<Chain>,
    torn: Option<TapeError>,
    done: bool,
}

/// A tape, or its parts one after the other.
struct Chain {
    group: usize,
    is_part: bool,
    now: Box<dyn Source>,
    rest: VecDeque<Box<dyn Source>>,
    next: Option<Entry>,
    /// When that was, but no earlier than the one before it.
    time: SystemTime,
    is_over: bool,
}

impl Chain {
    fn new(group: usize, is_part: bool, now: Box<dyn Source>) -> Self {
        let (rest, time) = (VecDeque::new(), SystemTime::UNIX_EPOCH);
        Self { group, is_part, now, rest, next: None, time, is_over: false }
    }

    /// Reads on, so that the next entry is known.
    fn fill(&mut self) -> Result<(), TapeError> {
        while self.next.is_none() && !self.is_over {
            match self.now.next() {
                Some(Ok(entry)) => {
                    let created = self.now.tape().created;
                    let time = entry.wall.or(created.checked_add(entry.at)).unwrap_or(created);
                    self.time = self.time.max(time);
                    self.next = Some(entry);
                }
                end => {
                    match self.rest.pop_front() {
                        Some(next) => self.now = next,
                        None => self.is_over = true,
                    }
                    if let Some(Err(error)) = end {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }
}

/// What tells the entries of one tape from those of another.
struct Apart {
    groups: u64,
    created: SystemTime,
    /// Which tape a name of a session belongs to.
    sessions: HashMap<Arc<str>, usize>,
}

impl Apart {
    /// As it is on the new tape.
    fn renamed(&mut self, mut entry: Entry, group: usize, from: &Tape) -> Entry {
        let later = from.created.duration_since(self.created).unwrap_or_default();
        entry.at = entry.at.saturating_add(later);
        if self.groups > 1 {
            // No two are the same, and none has to be remembered.
            let number = |call: u64| call.checked_mul(self.groups)?.checked_add(group as u64);
            entry.call = entry.call.map(|call| number(call).unwrap_or(call));
            entry.session = Some(self.session(entry.session.take(), group, from));
        }
        entry
    }

    fn session(&mut self, own: Option<Arc<str>>, group: usize, from: &Tape) -> Arc<str> {
        let Some(name) = own.or_else(|| from.session.clone()) else { return from.id.as_str().into() };
        match self.sessions.get(&name) {
            Some(owner) if *owner == group => name,
            None if self.sessions.len() < SESSIONS && name.len() <= NAME => {
                self.sessions.insert(name.clone(), group);
                name
            }
            _ => format!("{}/{name}", from.id).into(),
        }
    }
}

impl Merged {
    fn step(&mut self) -> Result<Option<Entry>, TapeError> {
        for chain in &mut self.chains {
            while let Err(error) = chain.fill() {
                if !error.is_torn() {
                    return Err(error);
                }
                self.torn = Some(error);
            }
        }
        let next = self.chains.iter_mut().filter(|chain| chain.next.is_some());
        let Some(chain) = next.min_by_key(|chain| chain.time) else {
            self.tape = Tape { created: self.tape.created, ..title(&self.chains, self.tape.clone()) };
            return self.torn.take().map_or(Ok(None), Err);
        };
        let entry = chain.next.take();
        Ok(entry.map(|entry| self.apart.renamed(entry, chain.group, chain.now.tape())))
    }
}

impl Iterator for Merged {
    type Item = Result<Entry, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.step().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

impl Source for Merged {
    fn tape(&self) -> &Tape {
        &self.tape
    }
}

impl fmt::Debug for Merged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merged")
            .field("tape", &self.tape)
            .field("of", &self.chains.len())
            .finish_non_exhaustive()
    }
}

/// What is known of all of them: of one tape, that tape; of several, `new` with what they have in common.
fn title(chains: &[Chain], new: Tape) -> Tape {
    let mut tapes = chains.iter().map(|chain| chain.now.tape());
    let Some(first) = tapes.next() else { return new };
    let is_one = tapes.clone().all(|tape| tape.id == first.id);
    let mut all = Tape { part: None, ..first.clone() };
    for tape in tapes {
        all.created = all.created.min(tape.created);
        all.duration = all.duration.max(tape.duration);
        let new: Vec<_> = tape.components.iter().filter(|it| !all.components.contains(it)).cloned().collect();
        all.components.extend(new);
        keep(&mut all.session, &tape.session);
        keep(&mut all.transport, &tape.transport);
        keep(&mut all.upstream_transport, &tape.upstream_transport);
        keep(&mut all.protocol_version, &tape.protocol_version);
        keep(&mut all.client_info, &tape.client_info);
        keep(&mut all.client_capabilities, &tape.client_capabilities);
        keep(&mut all.server_info, &tape.server_info);
        keep(&mut all.server_capabilities, &tape.server_capabilities);
        keep(&mut all.redaction, &tape.redaction);
        all.labels.retain(|name, text| tape.labels.get(name) == Some(text));
    }
    if !is_one {
        // Each has an end of its own, and none a session that is all of it.
        (all.id, all.software, all.duration, all.session) = (new.id, new.software, None, None);
    }
    all
}

/// What all say alike.
fn keep<T: PartialEq>(one: &mut Option<T>, other: &Option<T>) {
    if *one != *other {
        *one = None;
    }
}
