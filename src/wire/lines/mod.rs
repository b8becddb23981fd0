//! Newline framing: one message a line, as stdio has it (2026-07-28 basic/transports/stdio).
//!
//! ```
//! use shadowcat::wire::lines::{Decoder, Line};
//!
//! let mut decoder = Decoder::new(1024);
//! decoder.push(b"{\"a\":1}\r\n\n{\"b\"");
//! assert_eq!(decoder.next_line(), Some(Line::Frame("{\"a\":1}".into())));
//! assert_eq!(decoder.next_line(), None); // blank lines are skipped, half a line is kept
//! decoder.push(b":2}\n");
//! assert_eq!(decoder.next_line(), Some(Line::Frame("{\"b\":2}".into())));
//! ```

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr2;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::message::Fault;

mod encoder;

pub use encoder::{Encoder, RawLineBreak, one_line};

/// How much is read at once.
const READ_BYTES: usize = 64 << 10;
/// Below this much room the buffer is renewed before a read.
const LEAST_ROOM: usize = 8 << 10;
/// How much of a line that is too long is kept, to find its id in.
const HEAD_BYTES: usize = 4 << 10;

/// One line, without its terminator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Line {
    /// A whole line; a CR directly before the LF belonged to the terminator.
    Frame(Bytes),
    /// A line with a carriage return elsewhere. Some peers would split it there, so it is no frame.
    CarriageReturn(Bytes),
    /// A line longer than the limit, discarded to its LF; this is how it began.
    TooLong(Bytes),
    /// The input ended in the middle of this line.
    Incomplete(Bytes),
}

impl Line {
    /// The whole line, or what is left of it and why it is no frame.
    pub(crate) fn into_frame(self) -> Result<Bytes, (Bytes, Fault)> {
        match self {
            Self::Frame(frame) => Ok(frame),
            Self::CarriageReturn(bytes) => Err((bytes, Fault::LineBreak)),
            Self::TooLong(head) => Err((head, Fault::TooLarge)),
            Self::Incomplete(bytes) => Err((bytes, Fault::Syntax("the rest of the line"))),
        }
    }
}

/// Finds lines in a stream of bytes, however it is cut.
///
/// Frames share the read buffer; nothing is copied. At most the limit and one read are buffered.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    max: usize,
    /// This much of the buffer holds no LF, and no CR but one that may be part of a terminator.
    searched: usize,
    carriage_return: bool,
    /// The line being discarded, by its beginning.
    discarding: Option<Bytes>,
    blank_lines: u64,
}

impl Decoder {
    /// Takes lines of at most `max_bytes`, terminators not counted.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            max: max_bytes,
            searched: 0,
            carriage_return: false,
            discarding: None,
            blank_lines: 0,
        }
    }

    /// Adds bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Reads once into the buffer and tells how many bytes came; 0 is the end of the input.
    ///
    /// # Errors
    ///
    /// The reader's own.
    pub fn poll_read<R: AsyncRead + Unpin>(
        &mut self,
        reader: &mut R,
        cx: &mut Context<'_>,
    ) -> Poll<std::io::Result<usize>> {
        if self.buffer.capacity() - self.buffer.len() < LEAST_ROOM {
            self.buffer.reserve(READ_BYTES.max(self.buffer.len()));
        }
        let read = pin!(reader.read_buf(&mut self.buffer));
        read.poll(cx)
    }

    /// The next line, if a whole one is there.
    pub fn next_line(&mut self) -> Option<Line> {
        loop {
            let line = self.cut()?;
            match &line {
                Line::Frame(frame) if is_blank(frame) => self.blank_lines += 1,
                _ => return Some(line),
            }
        }
    }

    /// What is left at the end of the input. A blank rest is nothing.
    pub fn finish(&mut self) -> Option<Line> {
        let rest = self.buffer.split().freeze();
        self.searched = 0;
        match self.discarding.take() {
            Some(head) => Some(Line::TooLong(head)),
            None => (!is_blank(&rest)).then_some(Line::Incomplete(rest)),
        }
    }

    /// Lines that held nothing but blanks: skipped, never answered.
    pub fn blank_lines(&self) -> u64 {
        self.blank_lines
    }

    /// The next line, blank or not.
    fn cut(&mut self) -> Option<Line> {
        while let Some(at) = memchr2(b'\n', b'\r', &self.buffer[self.searched..]) {
            let at = self.searched + at;
            if self.buffer[at] == b'\n' {
                return Some(self.take_line(at, at + 1));
            }
            match self.buffer.get(at + 1) {
                Some(b'\n') => return Some(self.take_line(at, at + 2)),
                Some(_) => {
                    self.carriage_return = true;
                    self.searched = at + 1;
                }
                None => {
                    self.searched = at;
                    self.bound();
                    return None;
                }
            }
        }
        self.searched = self.buffer.len();
        self.bound();
        None
    }

    /// Takes the line of `length` bytes off the buffer, and its terminator up to `end`.
    fn take_line(&mut self, length: usize, end: usize) -> Line {
        let line = self.buffer.split_to(length).freeze();
        self.buffer.advance(end - length);
        self.searched = 0;
        if length > READ_BYTES {
            // What follows must not live in a buffer that grew for this line.
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
        let carriage_return = std::mem::take(&mut self.carriage_return);
        match self.discarding.take() {
            Some(head) => Line::TooLong(head),
            None if length > self.max => Line::TooLong(line.slice(..self.head_length())),
            None if carriage_return => Line::CarriageReturn(line),
            None => Line::Frame(line),
        }
    }

    /// How much of a line that is too long is kept: no more than is there as soon as it is known to be, so that
    /// it does not depend on how the bytes came.
    fn head_length(&self) -> usize {
        HEAD_BYTES.min(self.max.saturating_add(1))
    }

    /// Drops what is buffered of a line that is already too long, keeping its beginning.
    fn bound(&mut self) {
        if self.searched > self.max {
            let head = &self.buffer[..self.head_length()];
            self.discarding.get_or_insert_with(|| Bytes::copy_from_slice(head));
        }
        if self.discarding.is_some() {
            let _ = self.buffer.split_to(self.searched);
            self.searched = 0;
        }
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t'))
}
