//! How much an event stream may ask to be kept.

use crate::error::Error;

/// What stands before the data on its line.
const FIELD: usize = "data: ".len();

/// The bounds of a [`Decoder`](super::Decoder).
///
/// ```
/// use shadowcat::wire::sse::{Decoder, Exceeded, Limits};
///
/// let mut decoder = Decoder::new(Limits::new(4).max_data_lines(10));
/// decoder.push("data: 1234\n\ndata: 12345\n\n");
/// assert_eq!(decoder.next_event()?.unwrap().data, "1234");
/// assert_eq!(decoder.next_event().unwrap_err(), Exceeded::Line { max: 10 });
/// # Ok::<(), Exceeded>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(super) line_bytes: usize,
    pub(super) event_bytes: usize,
    pub(super) data_lines: usize,
}

impl Limits {
    /// Events of at most `max_event_bytes` of data, on lines that have room for all of it, and on at most 10,000
    /// of them.
    pub fn new(max_event_bytes: usize) -> Self {
        Self {
            line_bytes: max_event_bytes.saturating_add(FIELD),
            event_bytes: max_event_bytes,
            data_lines: 10_000,
        }
    }

    /// The bytes of a line of any kind, a comment too, without its end.
    pub fn max_line_bytes(mut self, max: usize) -> Self {
        self.line_bytes = max;
        self
    }

    /// The `data` lines of one event.
    pub fn max_data_lines(mut self, max: usize) -> Self {
        self.data_lines = max;
        self
    }
}

impl Default for Limits {
    /// Events of at most 4 MiB.
    fn default() -> Self {
        Self::new(4 << 20)
    }
}

/// A limit that a stream went over; what came before it was whole, and nothing more is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Exceeded {
    /// A line is longer than it may be.
    #[error("a line of an event stream is longer than {max} bytes")]
    Line {
        /// Bytes.
        max: usize,
    },
    /// The data of an event is longer than it may be.
    #[error("the data of an event is longer than {max} bytes")]
    Event {
        /// Bytes.
        max: usize,
    },
    /// The data of an event stands on more lines than it may.
    #[error("the data of an event stands on more than {max} lines")]
    DataLines {
        /// Lines.
        max: usize,
    },
}

impl From<Exceeded> for Error {
    fn from(exceeded: Exceeded) -> Self {
        Self::too_large(exceeded)
    }
}
