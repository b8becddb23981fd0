//! The entries of one session at one edge, picked out of a tape while it is read.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::exchange::weight;
use super::{Edge, Entry, EntryKind, name};
use crate::message::Direction;
use crate::protocol::method;

/// Names of sessions that are told.
const NAMES: usize = 64;

/// Which session of a tape is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// The only one.
    #[default]
    Only,
    Named(Arc<str>),
    /// What was said outside of sessions.
    Unnamed,
}

/// Which entries are kept, and how many bytes of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'w> {
    pub(crate) session: &'w Chosen,
    /// The client's, where there is a request of one, if none is named.
    pub(crate) edge: Option<Edge>,
    /// At each edge, until one is chosen.
    pub(crate) max_bytes: usize,
}

/// Why there is no such session.
#[derive(Debug)]
pub(crate) enum NotKept {
    /// None has the name, or everything has one.
    NoSession { name: Option<String>, there: There },
    /// None was chosen, and there are several.
    Several(There),
    /// It takes more bytes than it may.
    TooLarge(usize),
}

/// The sessions of a tape, or some of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct There {
    pub(crate) names: Vec<String>,
    /// Requests stand outside of sessions, too.
    pub(crate) unnamed: bool,
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
    /// At which edges requests stand outside of sessions.
    unnamed: [bool; 2],
    lost: u64,
}

impl<'w> Kept<'w> {
    pub(crate) fn new(wanted: Wanted<'w>) -> Self {
        let (entries, sessions, edge) = (Vec::new(), BTreeSet::new(), wanted.edge);
        Self { wanted, entries, edge, bytes: [0; 2], is_full: false, sessions, unnamed: [false; 2], lost: 0 }
    }

    pub(crate) fn take(&mut self, number: usize, entry: Entry) -> Result<(), NotKept> {
        // A recorder loses entries of all sessions and edges.
        if entry.kind == EntryKind::Lost && (entry.session.is_none() || self.is_wanted(&entry)) {
            let many = std::str::from_utf8(&entry.bytes).ok().and_then(|many| many.trim().parse().ok());
            self.lost = self.lost.saturating_add(many.unwrap_or(1));
        }
        if !is_said(entry.kind) {
            return Ok(());
        }
        match &entry.session {
            Some(name) => self.know(name),
            None => {
                let unnamed = &mut self.unnamed[usize::from(entry.edge == Edge::Upstream)];
                *unnamed = *unnamed || is_own(&entry);
            }
        }
        if self.is_ambiguous() {
            self.entries = Vec::new();
            return Ok(());
        }
        if !self.is_wanted(&entry) || !self.is_at_edge(&entry) {
            return Ok(());
        }
        self.choose_edge(&entry);
        self.keep(number, entry)
    }

    fn is_wanted(&self, entry: &Entry) -> bool {
        match self.wanted.session {
            Chosen::Only => true,
            Chosen::Named(name) => entry.session.as_ref() == Some(name),
            Chosen::Unnamed => entry.session.is_none(),
        }
    }

    fn know(&mut self, name: &Arc<str>) {
        // The one that is wanted may be the last of very many.
        let is_named = matches!(self.wanted.session, Chosen::Named(wanted) if wanted == name);
        if !self.sessions.contains(name) && (self.sessions.len() < NAMES || is_named) {
            self.sessions.insert(name.clone());
        }
    }

    /// None can be chosen any more.
    fn is_ambiguous(&self) -> bool {
        *self.wanted.session == Chosen::Only && self.sessions.len() + usize::from(self.has_unnamed()) > 1
    }

    fn has_unnamed(&self) -> bool {
        self.unnamed[usize::from(self.edge == Some(Edge::Upstream))]
    }

    fn is_at_edge(&self, entry: &Entry) -> bool {
        entry.kind == EntryKind::End || self.edge.is_none_or(|edge| edge == entry.edge)
    }

    /// The client's, where there is one.
    fn choose_edge(&mut self, entry: &Entry) {
        if self.edge.is_none() && is_asked(entry) && entry.edge == Edge::Client {
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
        let is_settled = self.edge.is_some();
        let edge = *self.edge.get_or_insert(Edge::Upstream);
        self.is_there()?;
        if !is_settled {
            if self.is_full {
                return Err(self.too_large());
            }
            self.set_edge(edge);
        }
        Ok(Session { entries: self.entries, edge, lost: self.lost })
    }

    fn is_there(&self) -> Result<(), NotKept> {
        let names = self.sessions.iter().map(ToString::to_string).collect();
        let there = There { names, unnamed: self.unnamed.contains(&true) };
        match self.wanted.session {
            Chosen::Only if self.is_ambiguous() => {
                Err(NotKept::Several(There { unnamed: self.has_unnamed(), ..there }))
            }
            Chosen::Named(name) if !self.sessions.contains(name) => {
                Err(NotKept::NoSession { name: Some(name.to_string()), there })
            }
            Chosen::Unnamed if self.entries.is_empty() && !self.sessions.is_empty() => {
                Err(NotKept::NoSession { name: None, there })
            }
            _ => Ok(()),
        }
    }
}

fn is_asked(entry: &Entry) -> bool {
    entry.kind == EntryKind::Request && entry.direction == Direction::ToUpstream
}

/// A client that has no session is as one that has: others may be answered otherwise. Who only asks which revisions there
/// are may go on in a session (2026-07-28 basic/versioning), and so does who opens one, which has a name only afterwards;
/// what a layer asks is no client's.
fn is_own(entry: &Entry) -> bool {
    let is_probe = || {
        name::message(entry).is_some_and(|message| {
            message.is_method(method::DISCOVER) || message.is_method(method::INITIALIZE)
        })
    };
    is_asked(entry) && !entry.synthetic && !is_probe()
}

impl fmt::Display for There {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        if self.names.is_empty() && !self.unnamed {
            return f.write_str("none");
        }
        let mut shown: Vec<String> = self.names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
        if self.names.len() > SHOWN {
            shown.push(format!("{} more", self.names.len() - SHOWN));
        }
        if self.unnamed {
            shown.push("what was said outside of sessions (`without_session`)".to_owned());
        }
        f.write_str(&shown.join(", "))
    }
}

fn is_said(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Request | EntryKind::Notification | EntryKind::Response | EntryKind::End)
}
