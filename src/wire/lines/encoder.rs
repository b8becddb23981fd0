//! Messages to lines.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use memchr::memchr2;
use tokio::io::AsyncWrite;

use crate::message::JsonRpcMessage;
use crate::wire::fault;

/// Frames from this size on are written from where they are; smaller ones are copied together.
const BY_REFERENCE: usize = 16 << 10;
/// An emptied buffer larger than this is given back.
const KEEP: usize = 256 << 10;
/// How many pieces one vectored write takes.
const PIECES: usize = 16;

/// A frame held a raw CR or LF and would have become two lines for some peer. [`one_line`] mends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a raw carriage return or line feed in a message that must be one line")]
#[non_exhaustive]
pub struct RawLineBreak;

/// Turns raw CR and LF, which are legal between JSON tokens, into spaces. The length stays.
///
/// ```
/// use shadowcat::{JsonRpcMessage, wire::lines};
///
/// let pretty = JsonRpcMessage::parse("{\"jsonrpc\":\"2.0\",\r\n\"id\":1,\"method\":\"ping\"}")?;
/// assert_eq!(lines::one_line(&pretty), "{\"jsonrpc\":\"2.0\",  \"id\":1,\"method\":\"ping\"}");
/// # Ok::<(), shadowcat::ParseError>(())
/// ```
pub fn one_line(message: &JsonRpcMessage) -> Bytes {
    if !message.has_line_break() {
        return message.bytes().clone();
    }
    message.bytes().iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect()
}

/// Lines on their way out: what is ready goes out in as few writes as possible.
///
/// # Backpressure
///
/// It grows with what is pushed; whoever pushes bounds it by [`len`](Self::len).
#[derive(Debug, Default)]
pub struct Encoder {
    /// Written before `tail`.
    pieces: VecDeque<Bytes>,
    tail: Vec<u8>,
    /// How much of the first piece, or of the tail, is written.
    written: usize,
    length: usize,
    /// Something was written that the writer may still hold.
    unflushed: bool,
    one_per_write: bool,
    /// Behind what is queued, the writer breaks, on purpose.
    torn: bool,
}

impl Encoder {
    /// Joins what is ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// One message per write, for peers that lose what shares a read (rmcp 0.2 does).
    pub fn one_per_write(mut self) -> Self {
        self.one_per_write = true;
        self
    }

    /// Queues one message as a line.
    ///
    /// # Errors
    ///
    /// The bytes hold a raw CR or LF; nothing is queued.
    pub fn push(&mut self, message: &JsonRpcMessage) -> Result<(), RawLineBreak> {
        if message.has_line_break() {
            return Err(RawLineBreak);
        }
        self.append(message.bytes());
        Ok(())
    }

    /// Queues one message as a line, with spaces in the place of raw CR and LF; see [`one_line`].
    pub fn push_mended(&mut self, message: &JsonRpcMessage) {
        if let Some(mark) = fault::of(message) {
            return self.append_damaged(mark, &one_line(message));
        }
        match message.has_line_break() {
            false => self.append(message.bytes()),
            true => self.append(&one_line(message)),
        }
    }

    /// Queues a frame that no scanner has seen as a line.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn push_frame(&mut self, frame: &Bytes) -> Result<(), RawLineBreak> {
        if memchr2(b'\r', b'\n', frame).is_some() {
            return Err(RawLineBreak);
        }
        self.append(frame);
        Ok(())
    }

    #[cold]
    fn append_damaged(&mut self, mark: &fault::Mark, frame: &Bytes) {
        match mark.frames(frame) {
            Some(mut frames) => frames.try_for_each(|frame| self.push_frame(&frame)).unwrap_or(()),
            None => self.torn = true,
        }
    }

    fn append(&mut self, frame: &Bytes) {
        if self.torn {
            return;
        }
        self.length += frame.len() + 1;
        if self.one_per_write {
            return self.pieces.push_back([frame, &b"\n"[..]].concat().into());
        }
        if frame.len() >= BY_REFERENCE {
            self.seal_tail();
            self.pieces.push_back(frame.clone());
        } else {
            self.tail.extend_from_slice(frame);
        }
        self.tail.push(b'\n');
    }

    /// Makes the tail a piece, so that another can follow it.
    fn seal_tail(&mut self) {
        if self.tail.is_empty() {
            return;
        }
        let mut tail = Bytes::from(std::mem::take(&mut self.tail));
        if self.pieces.is_empty() {
            tail = tail.split_off(std::mem::take(&mut self.written));
        }
        self.pieces.push_back(tail);
    }

    /// Bytes queued and not yet written.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.length == 0 && !self.torn
    }

    /// Whether nothing is queued, and nothing written that the writer may still hold.
    pub fn is_flushed(&self) -> bool {
        self.is_empty() && !self.unflushed
    }

    /// Writes until nothing is left or the writer takes no more, and flushes the writer.
    ///
    /// # Errors
    ///
    /// The writer's own; a writer that takes nothing is [`io::ErrorKind::WriteZero`], one that is
    /// [broken on purpose](crate::wire::fault) [`io::ErrorKind::ConnectionAborted`].
    pub fn poll_flush<W: AsyncWrite + Unpin>(
        &mut self,
        writer: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.length > 0 {
            let taken = ready!(self.poll_write(writer, cx))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(taken);
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Pin::new(writer).poll_flush(cx))?;
            self.unflushed = false;
        }
        if self.torn {
            return Poll::Ready(Err(fault::torn()));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write<W: AsyncWrite + Unpin>(
        &self,
        writer: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let writer = Pin::new(writer);
        let Some(first) = self.pieces.front() else {
            return writer.poll_write(cx, &self.tail[self.written..]);
        };
        if self.one_per_write {
            return writer.poll_write(cx, &first[self.written..]);
        }
        let mut slices = [IoSlice::new(&[]); PIECES];
        slices[0] = IoSlice::new(&first[self.written..]);
        let rest = self.pieces.iter().skip(1).map(|piece| &piece[..]).chain([&self.tail[..]]);
        let mut used = 1;
        for (slot, piece) in slices[1..].iter_mut().zip(rest) {
            *slot = IoSlice::new(piece);
            used += 1;
        }
        writer.poll_write_vectored(cx, &slices[..used])
    }

    fn advance(&mut self, taken: usize) {
        self.length -= taken;
        self.written += taken;
        while let Some(first) = self.pieces.front() {
            if self.written < first.len() {
                return;
            }
            self.written -= first.len();
            self.pieces.pop_front();
        }
        if self.written == self.tail.len() {
            self.written = 0;
            self.tail.clear();
            self.tail.shrink_to(KEEP);
        } else if self.written > KEEP.max(self.tail.len() / 2) {
            // A tail that never runs dry must not keep all that was ever written.
            self.tail.drain(..std::mem::take(&mut self.written));
        }
    }
}
