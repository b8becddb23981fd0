//! From the entries of a tape to those of one session.

use std::collections::HashSet;

use super::Script;
use super::sort::Sorter;
use crate::connect::replay::ReplayError;
use crate::message::{Direction, JsonRpcMessage, ScanOptions};
use crate::tape::kept::{self, Chosen, Kept, NotKept, Session, There};
use crate::tape::{Edge, Entry, EntryKind, Source};

/// Which entries are wanted, and how many bytes of them.
#[derive(Clone, Debug)]
pub(in crate::connect::replay) struct Wanted {
    pub(in crate::connect::replay) session: Chosen,
    pub(in crate::connect::replay) edge: Option<Edge>,
    pub(in crate::connect::replay) max_bytes: usize,
    /// Also a tape of which entries are lost.
    pub(in crate::connect::replay) incomplete: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { session: Chosen::default(), edge: None, max_bytes: 64 << 20, incomplete: false }
    }
}

impl Wanted {
    fn kept(&self) -> Kept<'_> {
        let (session, edge, max_bytes) = (&self.session, self.edge, self.max_bytes);
        Kept::new(kept::Wanted { session, edge, max_bytes })
    }
}

impl From<NotKept> for ReplayError {
    fn from(why: NotKept) -> Self {
        match why {
            NotKept::NoSession { name, there: There { names, unnamed } } => {
                Self::NoSession { name, there: names, unnamed }
            }
            NotKept::Several(There { names, unnamed }) => Self::SeveralSessions { names, unnamed },
            NotKept::TooLarge(most) => Self::TooLarge(most),
        }
    }
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
    let mut kept = wanted.kept();
    for (at, entry) in source.enumerate() {
        match entry {
            Ok(entry) => kept.take(at + 1, entry)?,
            Err(error) if error.is_torn() => {
                tracing::warn!(%error, "a tape is replayed up to where it was torn");
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let mut script = of(kept, wanted)?;
    // A recorder may say it with its first entry only.
    script.redaction.clone_from(&source.tape().redaction);
    Ok(script)
}

/// The session of entries that are in memory.
pub(in crate::connect::replay) fn of_entries(
    entries: &[Entry],
    wanted: &Wanted,
) -> Result<Script, ReplayError> {
    let mut kept = wanted.kept();
    for (number, entry) in (1..).zip(entries) {
        kept.take(number, entry.clone())?;
    }
    of(kept, wanted)
}

fn of(kept: Kept<'_>, wanted: &Wanted) -> Result<Script, ReplayError> {
    let Session { entries, lost, .. } = kept.session()?;
    if lost > 0 {
        if !wanted.incomplete {
            return Err(ReplayError::Incomplete(lost));
        }
        tracing::warn!(lost, "a tape is replayed of which entries are lost");
    }
    let mut sorter = Sorter::new(is_numbered(&entries));
    for (number, entry) in entries {
        sorter.add(&frame(number, entry)?);
    }
    let script = Script { lost, ..sorter.finish() };
    if script.exchanges.is_empty() {
        return Err(ReplayError::Empty(if wanted.edge.is_some() { " at that edge" } else { "" }));
    }
    Ok(script)
}

/// Whether a recorder has told of everything which call it belongs to: it has told it of ends, or of what is no answer,
/// which no message says of itself. Who only pairs answers with their requests has not.
fn is_numbered(entries: &[(usize, Entry)]) -> bool {
    let is_asked =
        |entry: &Entry| entry.kind == EntryKind::Request && entry.direction == Direction::ToUpstream;
    let asked = entries.iter().filter(|(_, entry)| is_asked(entry));
    let calls: HashSet<u64> = asked.filter_map(|(_, entry)| entry.call).collect();
    let is_told = |entry: &Entry| match entry.kind {
        EntryKind::End => true,
        EntryKind::Request | EntryKind::Notification => entry.direction == Direction::ToClient,
        _ => false,
    };
    let mut told = entries.iter().filter(|(_, entry)| is_told(entry));
    told.any(|(_, entry)| entry.call.is_some_and(|call| calls.contains(&call)))
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
    let message = if entry.synthetic { message.synthetic() } else { message };
    Ok(Frame { number, entry, message: Some(message) })
}
