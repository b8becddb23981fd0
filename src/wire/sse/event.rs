//! One event.

use std::time::Duration;

use bytes::Bytes;

use crate::message::JsonRpcMessage;
use crate::wire::lines::one_line;

/// A longer id is not kept: it would come back in a header of every reconnection.
pub const MAX_ID_BYTES: usize = 1024;
/// A longer time to reconnect after is cut to this: one hour.
pub const MAX_RETRY: Duration = Duration::from_secs(3600);

/// One event of a stream.
///
/// ```
/// use std::time::Duration;
/// use shadowcat::wire::sse::Event;
///
/// // What opens a stream that can be taken up again (2025-11-25 basic/transports): an id and no data.
/// let mut priming = Event::default();
/// priming.id = Some("7".to_owned());
/// priming.retry = Some(Duration::from_secs(3));
/// assert!(priming.is_message() && priming.data.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// Its type; none is `message`.
    pub name: Option<String>,
    /// Its data, lines joined by LF.
    pub data: Bytes,
    /// The id that it was sent with; an empty one forgets the last.
    pub id: Option<String>,
    /// How long to wait before connecting again, in whole milliseconds on the wire.
    pub retry: Option<Duration>,
}

impl Event {
    /// A message on one line, with spaces in the place of raw CR and LF.
    pub fn message(message: &JsonRpcMessage) -> Self {
        Self { data: one_line(message), ..Self::default() }
    }

    /// Whether its data is JSON-RPC, or nothing: its type is `message`, said or not.
    pub fn is_message(&self) -> bool {
        self.name.as_deref().is_none_or(|name| name == "message")
    }
}
