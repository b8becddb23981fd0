//! Reading zstd frame by frame.

use std::fmt;
use std::io::{self, BufRead, Read};

use zstd::stream::raw::{DParameter, Decoder, Operation};

use super::input::{damaged, read_from, torn};

/// A frame may look back 8 MiB, which is what reading it takes at most.
const WINDOW_LOG: u32 = 23;
/// So much is unpacked at once.
const BLOCK: usize = 128 << 10;
/// A frame of so much text is given away only when its checksum was seen; all frames that are written here are, but
/// for those with a larger message.
const HELD: usize = 1 << 20;

/// Text out of frames of zstd, one after the other.
pub(in crate::tape) struct Unzip<R> {
    input: R,
    decoder: Decoder<'static>,
    block: Vec<u8>,
    /// Of the block: what was read, what may be, and what is there.
    used: usize,
    ready: usize,
    filled: usize,
    /// The decoder may hold more.
    more: bool,
    in_frame: bool,
    /// Where in the file the reading is.
    at: u64,
    /// Where whole frames end.
    whole: u64,
}

impl<R: BufRead> Unzip<R> {
    pub(super) fn new(input: R) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
        Ok(Self {
            input,
            decoder,
            block: vec![0; BLOCK],
            used: 0,
            ready: 0,
            filled: 0,
            more: false,
            in_frame: false,
            at: 0,
            whole: 0,
        })
    }

    pub(super) fn get_ref(&self) -> &R {
        &self.input
    }

    pub(super) fn whole(&self) -> u64 {
        self.whole
    }

    /// Unpacks some text; none at the end.
    fn unpack(&mut self) -> io::Result<()> {
        if self.ready > 0 {
            (self.used, self.ready, self.filled) = (0, 0, 0);
        }
        while self.ready == 0 {
            let packed = self.input.fill_buf()?;
            // Of a full block the decoder may hold the rest. Else, without input, it is not to be asked in vain.
            if packed.is_empty() && !self.more {
                return if self.in_frame { Err(torn("in a frame of zstd")) } else { Ok(()) };
            }
            let room = &mut self.block[self.filled..];
            let status = self.decoder.run_on_buffers(packed, room).map_err(unreadable)?;
            self.input.consume(status.bytes_read);
            self.at += status.bytes_read as u64;
            self.filled += status.bytes_written;
            self.more = self.filled == self.block.len();
            self.in_frame |= status.bytes_read > 0;
            if status.remaining == 0 && self.in_frame {
                (self.in_frame, self.whole, self.ready) = (false, self.at, self.filled);
            } else if self.more {
                self.make_room();
            }
        }
        Ok(())
    }

    fn make_room(&mut self) {
        match self.block.len() {
            length if length < HELD => self.block.resize(2 * length, 0),
            length => self.ready = length,
        }
    }
}

fn unreadable(error: io::Error) -> io::Error {
    damaged(format_args!("it cannot be unpacked, or needs more than 8 MiB of memory for it: {error}"))
}

impl<R: BufRead> BufRead for Unzip<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used == self.ready {
            self.unpack()?;
        }
        Ok(&self.block[self.used..self.ready])
    }

    fn consume(&mut self, bytes: usize) {
        self.used += bytes;
    }
}

impl<R: BufRead> Read for Unzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        read_from(self, out)
    }
}

impl<R> fmt::Debug for Unzip<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unzip").field("at", &self.at).finish_non_exhaustive()
    }
}
