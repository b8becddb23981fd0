//! Events to chunks.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use memchr::{memchr2, memchr3};

use super::{Event, MAX_ID_BYTES};
use crate::message::JsonRpcMessage;
use crate::wire::lines::one_line;

/// Data from this size on is written from where it is; smaller data is copied together.
const BY_REFERENCE: usize = 16 << 10;

/// An event's name or id holds CR, LF or NUL and would become other fields, or its id is longer than
/// [`MAX_ID_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event's name or id that cannot be written on one line")]
#[non_exhaustive]
pub struct Unwritable;

/// Events on their way out, as the chunks of a body.
///
/// # Backpressure
///
/// It grows with what is pushed; whoever pushes bounds it by [`len`](Self::len).
///
/// ```
/// use shadowcat::wire::sse::{Encoder, Event};
///
/// let mut encoder = Encoder::new();
/// let mut event = Event::default();
/// event.id = Some("a".into());
/// event.data = "1\n2".into();
/// encoder.push(&event)?;
/// assert_eq!(encoder.next_chunk().unwrap(), "id: a\ndata: 1\ndata: 2\n\n");
/// event.id = Some("a\ndata: forged".into());
/// assert!(encoder.push(&event).is_err() && encoder.is_empty());
/// # Ok::<(), shadowcat::wire::sse::Unwritable>(())
/// ```
#[derive(Debug, Default)]
pub struct Encoder {
    /// Written before `tail`.
    pieces: VecDeque<Bytes>,
    tail: BytesMut,
    length: usize,
}

impl Encoder {
    /// Holds nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Queues a message as an event without a name or an id, on one line.
    pub fn push_message(&mut self, message: &JsonRpcMessage) {
        self.data_line(&one_line(message));
        self.field(b"", b"");
    }

    /// Queues an event, one `data` line for each line of its data, be it ended by LF, CRLF or CR.
    ///
    /// # Errors
    ///
    /// Its name or id cannot be written; nothing is queued.
    pub fn push(&mut self, event: &Event) -> Result<(), Unwritable> {
        let (name, id) = (event.name.as_deref().unwrap_or(""), event.id.as_deref());
        if breaks_line(name) || id.is_some_and(|id| id.len() > MAX_ID_BYTES || breaks_line(id)) {
            return Err(Unwritable);
        }
        if !name.is_empty() {
            self.field(b"event: ", name.as_bytes());
        }
        if let Some(id) = id {
            self.field(b"id: ", id.as_bytes());
        }
        if let Some(retry) = event.retry {
            self.field(b"retry: ", retry.as_millis().to_string().as_bytes());
        }
        self.data(&event.data);
        self.field(b"", b"");
        Ok(())
    }

    /// Queues a comment, which keeps a silent stream alive; a CR or LF in it becomes a space.
    pub fn push_comment(&mut self, text: &str) {
        self.field(b": ", text.replace(['\r', '\n'], " ").as_bytes());
        self.field(b"", b"");
    }

    /// The next part of the body. Small events that are ready come together.
    pub fn next_chunk(&mut self) -> Option<Bytes> {
        self.seal_tail();
        let chunk = self.pieces.pop_front()?;
        self.length -= chunk.len();
        Some(chunk)
    }

    /// Bytes queued and not yet taken.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    fn data(&mut self, data: &Bytes) {
        let mut rest = data.clone();
        while let Some(at) = memchr2(b'\n', b'\r', &rest) {
            let line = rest.split_to(at);
            let end = if rest.starts_with(b"\r\n") { 2 } else { 1 };
            let _ = rest.split_to(end);
            self.data_line(&line);
        }
        self.data_line(&rest);
    }

    /// `line` holds no line end.
    fn data_line(&mut self, line: &Bytes) {
        if line.len() < BY_REFERENCE {
            return self.field(b"data: ", line);
        }
        self.tail.put_slice(b"data: ");
        self.seal_tail();
        self.pieces.push_back(line.clone());
        self.tail.put_u8(b'\n');
        self.length += b"data: \n".len() + line.len();
    }

    fn field(&mut self, name: &[u8], value: &[u8]) {
        self.tail.reserve(name.len() + value.len() + 1);
        self.tail.put_slice(name);
        self.tail.put_slice(value);
        self.tail.put_u8(b'\n');
        self.length += name.len() + value.len() + 1;
    }

    /// Makes the tail a piece, so that another can follow it.
    fn seal_tail(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push_back(self.tail.split().freeze());
        }
    }
}

fn breaks_line(text: &str) -> bool {
    memchr3(b'\n', b'\r', 0, text.as_bytes()).is_some()
}
