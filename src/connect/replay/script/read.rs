//! From the entries of a tape to those of one session.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Script;
use super::sort::Sorter;
use crate::connect::replay::ReplayError;
use crate::message::{JsonRpcMessage, ScanOptions};
use crate::tape::{Edge, Entry, EntryKind, Source};

/// Which entries are wanted, and how many bytes of them.
#[derive(Clone, Debug)]
pub(in crate::connect::replay) struct Wanted {
    pub(in crate::connect::replay) session: Option<String>,
    pub(in crate::connect::replay) edge: Option<Edge>,
    pub(in crate::connect::replay) max_bytes: usize,
}

/// An entry that counts, with its number on the tape.
pub(super) struct Frame {
    pub(super) number: usize,
    pub(super) entry: Entry,
    pub(super) message: Option<JsonRpcMessage>,
}

/// Reads the session. A tape that ends in the middle is one that ends there.
pub(in crate::connect::replay) fn read(
    source: &mut dyn Source,
    wanted: &Wanted,
) -> Result<Script, ReplayError> {
    of(entries(source, wanted)?, wanted)
}

/// The same of entries with their numbers.
pub(in crate::connect::replay) fn of(
    mut entries: Vec<(usize, Entry)>,
    wanted: &Wanted,
) -> Result<Script, ReplayError> {
    choose(&mut entries, wanted)?;
    let edge = wanted.edge.unwrap_or_else(|| edge(&entries));
    entries.retain(|(_, entry)| entry.edge == edge || entry.kind == EntryKind::End);
    let mut sorter = Sorter::default();
    for (number, entry) in entries {
        sorter.add(&frame(number, entry)?);
    }
    let script = sorter.finish();
    if script.exchanges.is_empty() {
        return Err(ReplayError::Empty(if wanted.edge.is_some() { " at that edge" } else { "" }));
    }
    Ok(script)
}

/// What may be of the session, in memory.
fn entries(source: &mut dyn Source, wanted: &Wanted) -> Result<Vec<(usize, Entry)>, ReplayError> {
    let (mut entries, mut bytes) = (Vec::new(), 0_usize);
    for (at, entry) in source.enumerate() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.is_torn() => {
                tracing::warn!(%error, "a tape is replayed up to where it was torn");
                break;
            }
            Err(error) => return Err(error.into()),
        };
        if !is_said(entry.kind) {
            continue;
        }
        // An entry is more than its bytes.
        bytes = bytes.saturating_add(entry.bytes.len() + size_of::<Entry>());
        if bytes > wanted.max_bytes {
            return Err(ReplayError::TooLarge(wanted.max_bytes));
        }
        entries.push((at + 1, entry));
    }
    Ok(entries)
}

fn is_said(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Request | EntryKind::Notification | EntryKind::Response | EntryKind::End)
}

fn choose(entries: &mut Vec<(usize, Entry)>, wanted: &Wanted) -> Result<(), ReplayError> {
    let sessions: BTreeSet<Arc<str>> =
        entries.iter().filter_map(|(_, entry)| entry.session.clone()).collect();
    let names = || sessions.iter().map(ToString::to_string).collect();
    match &wanted.session {
        Some(name) if !sessions.contains(&**name) => {
            Err(ReplayError::NoSession { name: name.clone(), there: names() })
        }
        Some(name) => {
            entries.retain(|(_, entry)| entry.session.as_deref() == Some(name));
            Ok(())
        }
        None if sessions.len() > 1 => Err(ReplayError::SeveralSessions(names())),
        None => Ok(()),
    }
}

/// The client's, where there is one.
fn edge(entries: &[(usize, Entry)]) -> Edge {
    let of_client =
        |(_, entry): &(usize, Entry)| entry.edge == Edge::Client && entry.kind == EntryKind::Request;
    if entries.iter().any(of_client) { Edge::Client } else { Edge::Upstream }
}

/// What was recorded was let pass then: only what is no message at all is refused.
fn frame(number: usize, entry: Entry) -> Result<Frame, ReplayError> {
    if entry.kind == EntryKind::End {
        return Ok(Frame { number, entry, message: None });
    }
    let options = ScanOptions::new().unlimited();
    let message = JsonRpcMessage::parse_with(entry.bytes.clone(), &options)
        .or_else(|_| JsonRpcMessage::parse_with(entry.bytes.clone(), &options.transparent()))
        .map_err(|why| ReplayError::NoMessage { frame: number, why })?;
    Ok(Frame { number, entry, message: Some(message) })
}
