//! The state of things at one moment.

use std::sync::Arc;
use std::time::Duration;

use super::exchange::Entry;
use super::table::{Seen, Table};
use super::{Times, Totals};
use crate::message::OwnedId;
use crate::wassette::ComponentMap;

/// What is in flight and what was, at one moment: to print, or as JSON by [`to_json`](Self::to_json).
///
/// It holds names and ids, sizes and times, and nothing of what messages carry.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// Calls and listens that are open, oldest first: 4,096 at most.
    pub in_flight: Vec<InFlight>,
    /// More of them that are not shown.
    pub more_in_flight: u64,
    /// Sessions that were seen, the latest first: 256 at most.
    pub sessions: Vec<SeenSession>,
    /// Sessions that were forgotten for later ones.
    pub sessions_forgotten: u64,
    /// By method; under `None` those beyond the first 64 and those with names of more than 128 bytes.
    pub methods: Vec<(Option<String>, Times)>,
    /// All requests together.
    pub totals: Totals,
    /// Wassette's components, where they are known.
    pub components: Option<Arc<ComponentMap>>,
    /// Records that the log lost.
    pub records_lost: u64,
}

/// A request that is not over.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InFlight {
    /// Of which session, where its front end gave it a name.
    pub session: Option<String>,
    /// Its id.
    pub id: Option<OwnedId>,
    /// Its method.
    pub method: String,
    /// The tool that it calls; of a name, 128 bytes.
    pub tool: Option<String>,
    /// It stays open for what is said unasked.
    pub is_listen: bool,
    /// How long ago it came.
    pub age: Duration,
    /// Its own size in bytes.
    pub sent_bytes: usize,
    /// Messages of its reply so far.
    pub items: u64,
    /// Their bytes.
    pub received_bytes: u64,
}

/// A session, as far as it was seen.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SeenSession {
    /// Its name; without one, all sessions that have none, or one of more than 128 bytes.
    pub session: Option<String>,
    /// How long ago it was first seen.
    pub age: Duration,
    /// How long ago a request of it began or ended.
    pub idle: Duration,
    /// Its requests, without listens.
    pub requests: u64,
    /// What it was sent, as far as the replies are over.
    pub received: u64,
}

impl Snapshot {
    pub(super) fn of(table: &Table, components: Option<Arc<ComponentMap>>, records_lost: u64) -> Self {
        let mut sessions: Vec<_> = table.sessions.iter().map(|(name, seen)| session(name, seen)).collect();
        sessions.sort_by(|one, other| (one.idle, &one.session).cmp(&(other.idle, &other.session)));
        Self {
            in_flight: table.calls.values().map(|entry| in_flight(entry)).collect(),
            more_in_flight: table.beyond,
            sessions,
            sessions_forgotten: table.forgotten,
            methods: table.methods.all(),
            totals: table.totals,
            components,
            records_lost,
        }
    }

    /// The times of one method.
    pub fn method(&self, name: &str) -> Option<&Times> {
        self.methods.iter().find(|(method, _)| method.as_deref() == Some(name)).map(|(_, times)| times)
    }
}

fn in_flight(entry: &Entry) -> InFlight {
    InFlight {
        session: entry.session().map(str::to_owned),
        id: entry.id.clone(),
        method: entry.method.as_deref().unwrap_or_default().to_owned(),
        tool: entry.tool.as_deref().map(str::to_owned),
        is_listen: entry.is_listen,
        age: entry.since.elapsed(),
        sent_bytes: entry.sent_bytes,
        items: entry.items(),
        received_bytes: entry.bytes(),
    }
}

fn session(name: &str, seen: &Seen) -> SeenSession {
    SeenSession {
        session: (!name.is_empty()).then(|| name.to_owned()),
        age: seen.first.elapsed(),
        idle: seen.last.elapsed(),
        requests: seen.requests,
        received: seen.received,
    }
}
