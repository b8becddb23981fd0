//! The entries of one session at one edge, picked out of a tape while it is read.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::read::Wanted;
use crate::connect::replay::ReplayError;
use crate::message::Direction;
use crate::tape::{Edge, Entry, EntryKind};

/// Names of sessions that are told.
const NAMES: usize = 64;

/// What may be of the session; of other sessions no more than their names.
pub(super) struct Kept<'w> {
    wanted: &'w Wanted,
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
    pub(super) fn new(wanted: &'w Wanted) -> Self {
        let (entries, sessions) = (Vec::new(), BTreeSet::new());
        Self { wanted, entries, edge: wanted.edge, bytes: [0; 2], is_full: false, sessions, lost: 0 }
    }

    pub(super) fn take(&mut self, number: usize, entry: Entry) -> Result<(), ReplayError> {
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
        self.wanted.session.as_deref().is_none_or(|name| name == session)
    }

    fn know(&mut self, name: &Arc<str>) {
        // The one that is wanted may be the last of very many.
        let is_named = self.wanted.session.as_deref() == Some(name);
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

    fn keep(&mut self, number: usize, entry: Entry) -> Result<(), ReplayError> {
        let at_server = entry.edge == Edge::Upstream;
        let bytes = &mut self.bytes[usize::from(at_server)];
        // An entry is more than its bytes.
        *bytes = bytes.saturating_add(entry.bytes.len() + size_of::<Entry>());
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

    fn too_large(&self) -> ReplayError {
        ReplayError::TooLarge(self.wanted.max_bytes)
    }

    /// The entries with their numbers on the tape, and how many are lost.
    pub(super) fn session(mut self) -> Result<(Vec<(usize, Entry)>, u64), ReplayError> {
        let names = || self.sessions.iter().map(ToString::to_string).collect();
        match &self.wanted.session {
            Some(name) if !self.sessions.contains(&**name) => {
                return Err(ReplayError::NoSession { name: name.clone(), there: names() });
            }
            None if self.is_ambiguous() => return Err(ReplayError::SeveralSessions(names())),
            _ => {}
        }
        if self.edge.is_none() {
            if self.is_full {
                return Err(self.too_large());
            }
            self.set_edge(Edge::Upstream);
        }
        Ok((self.entries, self.lost))
    }
}

fn is_said(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Request | EntryKind::Notification | EntryKind::Response | EntryKind::End)
}
