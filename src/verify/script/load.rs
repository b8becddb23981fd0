//! The entries of one session, in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::message::Direction;
use crate::tape::{Edge, Entry, EntryKind, Source, Tape};
use crate::verify::VerifyError;

/// What an entry takes besides its bytes, in all likelihood.
const AROUND: usize = 256;

/// Which of a tape's entries are played.
#[derive(Clone, Debug, Default)]
pub(in crate::verify) struct Which {
    pub(in crate::verify) session: Option<Arc<str>>,
    pub(in crate::verify) max_bytes: usize,
}

#[derive(Debug)]
pub(in crate::verify) struct Loaded {
    pub(in crate::verify) tape: Tape,
    pub(in crate::verify) entries: Vec<Entry>,
    pub(in crate::verify) is_torn: bool,
}

/// Reads a tape up to its end; it blocks.
pub(in crate::verify) fn load(source: &mut dyn Source, which: &Which) -> Result<Loaded, VerifyError> {
    let (mut entries, mut bytes, mut is_torn) = (Vec::new(), 0, false);
    for entry in &mut *source {
        match entry {
            Ok(entry) => {
                bytes += entry.bytes.len() + AROUND;
                if bytes > which.max_bytes {
                    return Err(VerifyError::too_large(which.max_bytes));
                }
                entries.push(entry);
            }
            Err(error) if error.is_torn() => {
                is_torn = true;
                break;
            }
            Err(error) => return Err(VerifyError::tape(error)),
        }
    }
    let session = session(&entries, which)?;
    if let Some(session) = session {
        entries.retain(|entry| entry.session.as_ref().is_none_or(|name| *name == session));
    }
    let edge = edge(&entries);
    // A recorder that lost something does not say at which edge.
    entries.retain(|entry| entry.edge == edge || entry.kind == EntryKind::Lost);
    Ok(Loaded { tape: source.tape().clone(), entries, is_torn })
}

/// The one that is played.
fn session(entries: &[Entry], which: &Which) -> Result<Option<Arc<str>>, VerifyError> {
    let names: BTreeSet<_> = entries.iter().filter_map(|entry| entry.session.clone()).collect();
    match &which.session {
        Some(name) if names.contains(name) => Ok(Some(name.clone())),
        Some(name) => Err(VerifyError::session(format_args!("it has no session {name:?}"))),
        None if names.len() > 1 => {
            let some: Vec<_> = names.iter().take(5).map(|name| format!("{name:?}")).collect();
            let why =
                format!("it has {} sessions, choose one by `session`: {}", names.len(), some.join(", "));
            Err(VerifyError::session(why))
        }
        None => Ok(names.into_iter().next()),
    }
}

/// The client's, where anything was recorded there.
fn edge(entries: &[Entry]) -> Edge {
    let is_asked = |entry: &&Entry| {
        entry.edge == Edge::Client
            && entry.direction == Direction::ToUpstream
            && matches!(entry.kind, EntryKind::Request | EntryKind::Notification)
    };
    if entries.iter().any(|entry| is_asked(&entry)) { Edge::Client } else { Edge::Upstream }
}
