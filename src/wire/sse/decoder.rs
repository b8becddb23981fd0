//! Chunks to events.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

use super::input::{Input, TooLong};
use super::{Event, Exceeded, Limits, MAX_ID_BYTES, MAX_RETRY};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Finds events in a stream of bytes, however it is cut, in time proportional to the bytes.
///
/// Data that stands on one line of one chunk is a slice of that chunk. Beside the chunks that wait to be read, at
/// most one line and one event are kept, within the [`Limits`]. What the stream ends in the middle of is no event.
///
/// An event's data is bytes: the standard would put a replacement character where they are not UTF-8, but a
/// message is refused for that.
#[derive(Debug)]
pub struct Decoder {
    input: Input,
    limits: Limits,
    exceeded: Option<Exceeded>,
    /// The first line has been read, and with it what may stand before it.
    started: bool,
    block: Block,
    /// Empty: none.
    last_id: String,
    retry: Option<Duration>,
    comments: u64,
}

/// The fields read since the last blank line.
#[derive(Debug, Default)]
struct Block {
    event: Event,
    data: Data,
    touched: bool,
}

#[derive(Debug, Default)]
enum Data {
    #[default]
    None,
    Line(Bytes),
    Lines(BytesMut, usize),
}

impl Decoder {
    /// Decodes one stream from its beginning.
    pub fn new(limits: Limits) -> Self {
        Self {
            input: Input::default(),
            limits,
            exceeded: None,
            started: false,
            block: Block::default(),
            last_id: String::new(),
            retry: None,
            comments: 0,
        }
    }

    /// The stream goes on after the event with this id, which is the last until another comes.
    pub fn after(mut self, id: impl Into<String>) -> Self {
        self.last_id = id.into();
        self
    }

    /// Adds bytes; nothing any more once a limit is exceeded.
    ///
    /// # Backpressure
    ///
    /// They are kept until [`next_event`](Self::next_event) has read them: call it until it finds none.
    pub fn push(&mut self, chunk: impl Into<Bytes>) {
        if self.exceeded.is_none() {
            self.input.push(chunk.into());
        }
    }

    /// The next event, if a whole one is there. Comments, unknown fields and blocks without data are none.
    ///
    /// # Errors
    ///
    /// A limit is exceeded: the stream is over, and each further call says the same.
    pub fn next_event(&mut self) -> Result<Option<Event>, Exceeded> {
        if let Some(exceeded) = self.exceeded {
            return Err(exceeded);
        }
        self.read().inspect_err(|exceeded| {
            self.exceeded = Some(*exceeded);
            self.block = Block::default();
            self.input.clear();
        })
    }

    /// The id to take the stream up again after, by the last blank line.
    pub fn last_event_id(&self) -> Option<&str> {
        Some(&*self.last_id).filter(|id| !id.is_empty())
    }

    /// How long the server last asked to wait before connecting again; at most [`MAX_RETRY`].
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// The comments so far: what servers keep a silent stream alive with.
    pub fn comments(&self) -> u64 {
        self.comments
    }

    /// Part of an event is here: if the stream ends now, it ended in the middle.
    pub fn is_incomplete(&self) -> bool {
        self.block.touched || !self.input.is_empty()
    }

    fn read(&mut self) -> Result<Option<Event>, Exceeded> {
        let max = self.limits.line_bytes;
        while let Some(line) = self.input.next_line(max).map_err(|TooLong| Exceeded::Line { max })? {
            let line = match std::mem::replace(&mut self.started, true) {
                false if line.starts_with(BYTE_ORDER_MARK) => line.slice(BYTE_ORDER_MARK.len()..),
                _ => line,
            };
            if !line.is_empty() {
                self.field(line)?;
            } else if let Some(event) = self.dispatch() {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// A blank line: ends the block, which is an event if it had data, even empty data.
    fn dispatch(&mut self) -> Option<Event> {
        let Block { mut event, data, .. } = std::mem::take(&mut self.block);
        if let Some(id) = &event.id {
            id.clone_into(&mut self.last_id);
        }
        event.data = match data {
            Data::None => return None,
            Data::Line(line) => line,
            Data::Lines(lines, _) => lines.freeze(),
        };
        Some(event)
    }

    fn field(&mut self, mut line: Bytes) -> Result<(), Exceeded> {
        let colon = memchr(b':', &line);
        if colon == Some(0) {
            self.comments += 1;
            return Ok(());
        }
        self.block.touched = true;
        let name = colon.unwrap_or(line.len());
        let mut value = colon.map_or(line.len(), |colon| colon + 1);
        value += usize::from(line.get(value) == Some(&b' '));
        match &line[..name] {
            b"data" => {
                line.advance(value);
                return self.block.data.add(line, &self.limits);
            }
            b"event" => self.block.event.name = name_of(&line[value..]),
            b"id" => self.block.event.id = id(&line[value..]).or(self.block.event.id.take()),
            b"retry" => {
                self.block.event.retry = retry(&line[value..]).or(self.block.event.retry);
                self.retry = self.block.event.retry.or(self.retry);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Data {
    fn add(&mut self, line: Bytes, limits: &Limits) -> Result<(), Exceeded> {
        let (length, lines) = match self {
            Self::None => (line.len(), 1),
            Self::Line(first) => (first.len() + 1 + line.len(), 2),
            Self::Lines(joined, lines) => (joined.len() + 1 + line.len(), *lines + 1),
        };
        if length > limits.event_bytes {
            return Err(Exceeded::Event { max: limits.event_bytes });
        }
        if lines > limits.data_lines {
            return Err(Exceeded::DataLines { max: limits.data_lines });
        }
        let mut joined = match std::mem::take(self) {
            Self::None => {
                *self = Self::Line(line);
                return Ok(());
            }
            Self::Line(first) => BytesMut::from(first),
            Self::Lines(joined, _) => joined,
        };
        joined.extend_from_slice(b"\n");
        joined.extend_from_slice(&line);
        *self = Self::Lines(joined, lines);
        Ok(())
    }
}

/// An empty name is none. One that is not UTF-8 is no name that anybody waits for.
fn name_of(value: &[u8]) -> Option<String> {
    (!value.is_empty()).then(|| String::from_utf8_lossy(value).into_owned())
}

/// An id with a NUL is ignored, says the standard; so is one that cannot be given back as it came.
fn id(value: &[u8]) -> Option<String> {
    let usable = value.len() <= MAX_ID_BYTES && memchr(0, value).is_none();
    usable.then(|| std::str::from_utf8(value).ok().map(str::to_owned)).flatten()
}

fn retry(value: &[u8]) -> Option<Duration> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |sum: u64, digit: &u8| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    Some(Duration::from_millis(value.iter().fold(0, digit)).min(MAX_RETRY))
}
