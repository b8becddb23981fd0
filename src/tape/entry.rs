//! One thing that was said.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::text::is_json;
use super::word::words;
use crate::message::{Direction, JsonRpcMessage, Kind};

/// One thing that was said, or that happened, in a session.
///
/// ```
/// use shadowcat::tape::{Edge, Entry, EntryKind};
/// use shadowcat::{Direction, JsonRpcMessage};
///
/// let ping = JsonRpcMessage::request(1, "ping", "{}")?;
/// let entry = Entry::message(&ping, Direction::ToUpstream).session("s-1").call(7);
/// assert_eq!((entry.kind, entry.edge), (EntryKind::Request, Edge::Client));
/// assert_eq!(entry.bytes, ping.bytes());
/// # Ok::<(), shadowcat::ParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Since the tape began, by a clock that never jumps. Kept to the nanosecond.
    pub at: Duration,
    /// The time of day, if it is known. Kept to the microsecond.
    pub wall: Option<SystemTime>,
    /// Which way it went.
    pub direction: Direction,
    /// Where it was seen.
    pub edge: Edge,
    /// What it is.
    pub kind: EntryKind,
    /// The exact bytes of a message; of an event, its text.
    pub bytes: Bytes,
    /// The session's name.
    pub session: Option<Arc<str>>,
    /// The component whose tool is called.
    pub component: Option<Arc<str>>,
    /// A number of the recorder's that all entries of one call share, at both edges.
    pub call: Option<u64>,
    /// How the call ended, with its [`End`](EntryKind::End).
    pub outcome: Option<Outcome>,
    /// Nobody sent it: a layer, a connector or a person put it there, or answered with it in somebody's place.
    pub synthetic: bool,
    scanned: Scanned,
}

/// The bytes are a message's, which the scanner has accepted. A copy does not say so: whoever has one can change its
/// bytes, while of what a recorder hands to its sink nobody has more than a reference.
#[derive(Default)]
struct Scanned(bool);

impl Clone for Scanned {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// It says nothing that the bytes do not say.
impl PartialEq for Scanned {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Scanned {}

/// Where an entry was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a stack has two ends")]
pub enum Edge {
    /// Toward the client.
    #[default]
    Client,
    /// Toward the server.
    Upstream,
}

words!(Edge { Client = "transport_in", Upstream = "transport_out" });

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryKind {
    /// A message: a request.
    Request,
    /// A message: a notification.
    Notification,
    /// A message: a response.
    Response,
    /// What a front end refused, or what an imported recording holds beside messages; it need not be a message, nor text.
    Refused,
    /// A call is over; why, if not well, is its text. Of one that failed, [`Entry::failure`] tells.
    End,
    /// A component was loaded, unloaded or changed.
    Component,
    /// What a person noted.
    Note,
    /// Entries are missing here, because the recorder had no room; how many is its text.
    Lost,
    /// State outside of the session: a [`Snapshot`](super::Snapshot).
    Snapshot,
}

words!(EntryKind {
    Request = "request",
    Notification = "notification",
    Response = "response",
    Refused = "refused",
    End = "end",
    Component = "component",
    Note = "note",
    Lost = "lost",
    Snapshot = "snapshot",
});

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// With its response.
    Answered,
    /// The client cancelled it.
    Cancelled,
    /// Nobody read it any more.
    Dropped,
    /// The channel below broke.
    Failed,
    /// The reply ended without a response.
    Unanswered,
}

words!(Outcome {
    Answered = "answered",
    Cancelled = "cancelled",
    Dropped = "dropped",
    Failed = "failed",
    Unanswered = "unanswered",
});

impl Entry {
    /// At the client's edge, at the beginning of the tape.
    pub fn new(kind: EntryKind, direction: Direction, bytes: impl Into<Bytes>) -> Self {
        Self {
            at: Duration::ZERO,
            wall: None,
            direction,
            edge: Edge::default(),
            kind,
            bytes: bytes.into(),
            session: None,
            component: None,
            call: None,
            outcome: None,
            synthetic: false,
            scanned: Scanned::default(),
        }
    }

    /// One that keeps no more alive than the message. It is not handed to anybody who could change its bytes.
    pub(crate) fn message_detached(message: &JsonRpcMessage, direction: Direction) -> Self {
        Self::message_on(message, direction, Bytes::copy_from_slice)
    }

    /// The same; where its bytes are few, `copy` copies them.
    pub(super) fn message_on<F>(message: &JsonRpcMessage, direction: Direction, copy: F) -> Self
    where
        F: FnOnce(&[u8]) -> Bytes,
    {
        let mut entry = Self::new(message.kind().into(), direction, message.detached_bytes(copy));
        debug_assert!(is_json(&entry.bytes), "a message that the scanner would refuse");
        (entry.synthetic, entry.scanned) = (message.is_synthetic(), Scanned(true));
        entry
    }

    /// Whether the bytes are one JSON document in UTF-8, of any depth.
    pub(super) fn is_json(&self) -> bool {
        self.scanned.0 || is_json(&self.bytes)
    }

    /// A message, at the client's edge. It shares the message's bytes.
    pub fn message(message: &JsonRpcMessage, direction: Direction) -> Self {
        Self::new(message.kind().into(), direction, message.bytes().clone())
    }

    /// Since the tape began.
    pub fn at(mut self, since: Duration) -> Self {
        self.at = since;
        self
    }

    /// The time of day: from 1970 to 9999, cut to the microsecond.
    pub fn wall(mut self, time: SystemTime) -> Self {
        self.wall = Some(whole_micros(time));
        self
    }

    /// Where it was seen.
    pub fn edge(mut self, edge: Edge) -> Self {
        self.edge = edge;
        self
    }

    /// Names the session.
    pub fn session(mut self, name: impl Into<Arc<str>>) -> Self {
        self.session = Some(name.into());
        self
    }

    /// Names the component.
    pub fn component(mut self, id: impl Into<Arc<str>>) -> Self {
        self.component = Some(id.into());
        self
    }

    /// Ties it to a call.
    pub fn call(mut self, number: u64) -> Self {
        self.call = Some(number);
        self
    }

    /// How the call ended.
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = Some(outcome);
        self
    }

    /// Marks what nobody sent.
    pub fn synthetic(mut self) -> Self {
        self.synthetic = true;
        self
    }
}

impl fmt::Debug for Entry {
    /// Of its bytes, which may hold secrets, only how many they are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("at", &self.at)
            .field("kind", &self.kind)
            .field("direction", &self.direction)
            .field("edge", &self.edge)
            .field("session", &self.session)
            .field("component", &self.component)
            .field("call", &self.call)
            .field("outcome", &self.outcome)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl From<Kind> for EntryKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Request => Self::Request,
            Kind::Notification => Self::Notification,
            Kind::Response => Self::Response,
        }
    }
}

/// What every format can hold.
pub(super) fn whole_micros(time: SystemTime) -> SystemTime {
    /// The last microsecond of the year 9999.
    const LAST: u64 = 253_402_300_799_999_999;
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default().min(Duration::from_micros(LAST));
    UNIX_EPOCH + Duration::new(since.as_secs(), since.subsec_micros() * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_of_a_copy_is_looked_at_before_it_is_written_as_json() {
        let ping = JsonRpcMessage::request(1, "ping", "{}").unwrap();
        let entry = Entry::message_detached(&ping, Direction::ToUpstream);
        let mut copy = entry.clone();
        assert!(entry.is_json() && copy.is_json() && copy == entry);
        for broken in ["{", "1}\n{\"frame\":7", "\u{FEFF}1", ""] {
            copy.bytes = broken.into();
            assert!(!copy.is_json(), "{broken}");
        }
    }

    #[test]
    fn a_time_of_day_is_cut_to_the_microsecond_and_to_the_year_9999() {
        let since = |nanos| whole_micros(UNIX_EPOCH + Duration::from_nanos(nanos));
        assert_eq!(since(1_999), UNIX_EPOCH + Duration::from_micros(1));
        assert_eq!(since(7_000_000_123_999), UNIX_EPOCH + Duration::from_nanos(7_000_000_123_000));
        assert_eq!(whole_micros(UNIX_EPOCH - Duration::from_secs(1)), UNIX_EPOCH);
        let last = UNIX_EPOCH + Duration::from_micros(253_402_300_799_999_999);
        assert_eq!(whole_micros(last + Duration::from_secs(1)), last);
    }
}
