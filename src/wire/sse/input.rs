//! Bytes to lines: LF, CRLF or CR ends one, and a chunk may end anywhere.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr2;

/// A line is longer than the limit.
#[derive(Debug)]
pub(super) struct TooLong;

/// Chunks that wait to be read, and the beginning of the line that they continue.
///
/// A line within one chunk is a slice of it; one that several chunks share is copied once.
#[derive(Debug, Default)]
pub(super) struct Input {
    chunks: VecDeque<Bytes>,
    begun: BytesMut,
    /// The last line ended with a CR: an LF directly behind it belongs to that end.
    after_cr: bool,
}

impl Input {
    pub(super) fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.chunks.push_back(chunk);
        }
    }

    /// The next line without its end, if a whole one is there.
    pub(super) fn next_line(&mut self, max: usize) -> Result<Option<Bytes>, TooLong> {
        while let Some(chunk) = self.chunks.front_mut() {
            if std::mem::take(&mut self.after_cr) && chunk[0] == b'\n' {
                chunk.advance(1);
            }
            let end = memchr2(b'\n', b'\r', chunk);
            if self.begun.len() + end.unwrap_or(chunk.len()) > max {
                return Err(TooLong);
            }
            let Some(end) = end else {
                self.begun.extend_from_slice(chunk);
                self.chunks.pop_front();
                continue;
            };
            // A blank line holds no part of the chunk: `split_to` would count it as another owner.
            let rest = if end == 0 { Bytes::new() } else { chunk.split_to(end) };
            self.after_cr = chunk[0] == b'\r';
            chunk.advance(1);
            if chunk.is_empty() {
                self.chunks.pop_front();
            }
            return Ok(Some(self.whole(rest)));
        }
        Ok(None)
    }

    fn whole(&mut self, rest: Bytes) -> Bytes {
        if self.begun.is_empty() {
            return rest;
        }
        self.begun.extend_from_slice(&rest);
        std::mem::take(&mut self.begun).freeze()
    }

    /// Nothing of a line is here.
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.begun.is_empty()
    }

    /// Lets go of everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
