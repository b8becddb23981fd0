//! Compressing what is written at once.

use std::fmt;
use std::io;
use std::ops::RangeInclusive;

use zstd::bulk::Compressor;
use zstd::zstd_safe::{CParameter, compress_bound};

/// Beyond these a reader would need more memory than it takes.
pub(in crate::tape) const LEVELS: RangeInclusive<i32> = 1..=19;
/// So much is kept for the next piece.
const KEPT: usize = 256 << 10;

/// Makes a frame of zstd of each piece, with a checksum.
pub(in crate::tape) struct Zip {
    compressor: Compressor<'static>,
    out: Vec<u8>,
}

impl Zip {
    /// `level` is one of [`LEVELS`], or the nearest is taken.
    pub(in crate::tape) fn new(level: i32) -> io::Result<Self> {
        let mut compressor = Compressor::new(level.clamp(*LEVELS.start(), *LEVELS.end()))?;
        compressor.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(Self { compressor, out: Vec::new() })
    }

    pub(super) fn zip(&mut self, text: &[u8]) -> io::Result<&[u8]> {
        self.out.clear();
        self.out.shrink_to(KEPT);
        self.out.reserve(compress_bound(text.len()));
        self.compressor.compress_to_buffer(text, &mut self.out)?;
        Ok(&self.out)
    }
}

impl fmt::Debug for Zip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zip").finish_non_exhaustive()
    }
}
