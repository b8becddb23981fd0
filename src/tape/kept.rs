//! The entries of one session at one edge, picked out of a tape while it is read.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::exchange::weight;
use super::{Edge, Entry, EntryKind};
use crate::message::Direction;

/// Names of sessions that are told.
const NAMES: usize = 64;

/// Which entries are kept, and how many bytes of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'w> {
    /// It need not be named where there is only one.
    pub(crate) session: Option<&'w str>,
    /// The client's, where there is a request of one, if none is named.
    pub(crate) edge: Option<Edge>,
    /// At each edge, until one is chosen.
    pub(crate) max_bytes: usize,
}

/// Why there is no such session.
#[derive(Debug)]
pub(crate) enum NotKept {
    /// None has the name; these are there, or some of them.
    NoSession { name: String, there: Vec<String> },
    /// None was named, and there are several: these, or some of them.
    Several(Vec<String>),
    /// It takes more bytes than it may.
    TooLarge(usize),
}

/// All that was said in a session at one edge.
#[derive(Debug)]
pub(crate) struct Session {
    /// With their numbers on the tape. Ends of calls are of both edges.
    pub(crate) entries: Vec<(usize, Entry)>,
    pub(crate) edge: Edge,
    /// How many entries the recorder lost, of whatever edge.
    pub(crate) lost: u64,
}

/// What may be of the session; of other sessions no more than their names.
#[derive(Debug)]
pub(crate) struct Kept<'w> {
    wanted: Wanted<'w>,
    entries: Vec<(usize, Entry)>,
    /// Where it was seen; not known until the client's edge has a request.
    edge: Option<Edge>,
    /// Bytes, toward the client and toward the server.
    bytes: [usize; 2],
    /// There was no room for the server's edge, and nothing else was seen yet.
    is_full: bool,
    sessions: BTreeSet<Arc<str>>,
    lost: u64,
}

impl<'w> Kept<'w> {
    pub(crate) fn new(wanted: Wanted<'w>) -> Self {
        let (entries, sessions) = (Vec::new(), BTreeSet::new());
        Self { wanted, entries, edge: wanted.edge, bytes: [0; 2], is_full: false, sessions, lost: 0 }
    }

    pub(crate) fn take(&mut self, number: usize, entry: Entry) -> Result<(), NotKept> {
        // A recorder loses entries of all sessions and edges.
        if entry.kind == EntryKind::Lost && entry.session.as_ref().is_none_or(|name| self.is_wanted(name)) {
            let many = std::str::from_utf8(&entry.bytes).ok().and_then(|many| many.trim().parse().ok());
            self.lost = self.lost.saturating_add(many.unwrap_or(1));
        }
        if !is_said(entry.kind) {
            return Ok(());
        }
        match &entry.session {
            Some(name) => self.know(name),
            None if self.wanted.session.is_some() => return Ok(()),
            None => {}
        }
        let is_other = |name: &Arc<str>| !self.is_wanted(name);
        if self.is_ambiguous() || entry.session.as_ref().is_some_and(is_other) || !self.is_at_edge(&entry) {
            return Ok(());
        }
        self.choose_edge(&entry);
        self.keep(number, entry)
    }

    fn is_wanted(&self, session: &str) -> bool {
        self.wanted.session.is_none_or(|name| name == session)
    }

    fn know(&mut self, name: &Arc<str>) {
        // The one that is wanted may be the last of very many.
        let is_named = self.wanted.session == Some(name);
        if !self.sessions.contains(name) && (self.sessions.len() < NAMES || is_named) {
            self.sessions.insert(name.clone());
        }
        if self.is_ambiguous() {
            self.entries = Vec::new();
        }
    }

    /// None can be chosen any more.
    fn is_ambiguous(&self) -> bool {
        self.wanted.session.is_none() && self.sessions.len() > 1
    }

    fn is_at_edge(&self, entry: &Entry) -> bool {
        entry.kind == EntryKind::End || self.edge.is_none_or(|edge| edge == entry.edge)
    }

    /// The client's, where there is one.
    fn choose_edge(&mut self, entry: &Entry) {
        let is_request = entry.kind == EntryKind::Request && entry.direction == Direction::ToUpstream;
        if self.edge.is_none() && is_request && entry.edge == Edge::Client {
            self.set_edge(Edge::Client);
        }
    }

    fn set_edge(&mut self, edge: Edge) {
        self.edge = Some(edge);
        self.entries.retain(|(_, entry)| entry.edge == edge || entry.kind == EntryKind::End);
    }

    fn keep(&mut self, number: usize, entry: Entry) -> Result<(), NotKept> {
        let at_server = entry.edge == Edge::Upstream;
        let bytes = &mut self.bytes[usize::from(at_server)];
        // An entry is more than its bytes.
        *bytes = bytes.saturating_add(weight(&entry));
        if *bytes <= self.wanted.max_bytes {
            self.entries.push((number, entry));
            return Ok(());
        }
        if !at_server || self.edge.is_some() {
            return Err(self.too_large());
        }
        self.is_full = true;
        Ok(())
    }

    fn too_large(&self) -> NotKept {
        NotKept::TooLarge(self.wanted.max_bytes)
    }

    /// What there is of it.
    pub(crate) fn session(mut self) -> Result<Session, NotKept> {
        let names = || self.sessions.iter().map(ToString::to_string).collect();
        match self.wanted.session {
            Some(name) if !self.sessions.contains(name) => {
                return Err(NotKept::NoSession { name: name.to_owned(), there: names() });
            }
            None if self.is_ambiguous() => return Err(NotKept::Several(names())),
            _ => {}
        }
        let edge = self.edge.unwrap_or(Edge::Upstream);
        if self.edge.is_none() {
            if self.is_full {
                return Err(self.too_large());
            }
            self.set_edge(edge);
        }
        Ok(Session { entries: self.entries, edge, lost: self.lost })
    }
}

fn is_said(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Request | EntryKind::Notification | EntryKind::Response | EntryKind::End)
}
