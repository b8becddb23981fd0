//! How the text of a tape is packed into its file: as it is, compressed, encrypted.
//!
//! What is written at once becomes one whole piece of the file, a frame of zstd or a sealed block, so that what was
//! committed can be read whatever happens afterwards.

mod input;
#[cfg(feature = "encryption")]
mod seal;
#[cfg(feature = "encryption")]
mod sealed;
#[cfg(feature = "encryption")]
mod unseal;
#[cfg(feature = "zstd")]
mod unzip;
#[cfg(feature = "zstd")]
mod zip;

use std::io;

pub(super) use input::{Ending, Input, ending, is_torn};
#[cfg(feature = "encryption")]
pub(super) use seal::Seal;
#[cfg(feature = "zstd")]
pub(super) use zip::{LEVELS, Zip};
#[cfg(all(feature = "sqlite", feature = "encryption"))]
pub(super) use {
    seal::random,
    sealed::{Head, Secret, VERSION},
};

/// A frame of zstd begins so (RFC 8878, section 3.1.1).
pub(super) const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// A sealed tape begins so.
const SEALED: &[u8; 16] = b"shadowcat sealed";

/// Whether a file that begins so is a sealed tape, or was to become one.
pub(super) fn begins_sealed(beginning: &[u8]) -> bool {
    beginning.starts_with(SEALED) || !beginning.is_empty() && SEALED.starts_with(beginning)
}

/// What becomes of the text on its way into the file.
#[derive(Debug, Default)]
pub(super) struct Pack {
    #[cfg(feature = "zstd")]
    pub(super) zip: Option<Zip>,
    #[cfg(feature = "encryption")]
    pub(super) seal: Option<Seal>,
}

impl Pack {
    /// One piece of the file.
    pub(super) fn pack<'a>(&'a mut self, text: &'a [u8]) -> io::Result<&'a [u8]> {
        if text.is_empty() {
            return Ok(text);
        }
        #[cfg(feature = "zstd")]
        let text = match &mut self.zip {
            Some(zip) => zip.zip(text)?,
            None => text,
        };
        #[cfg(feature = "encryption")]
        let text = match &mut self.seal {
            Some(seal) => seal.seal(text)?,
            None => text,
        };
        Ok(text)
    }

    /// Whether the last piece is in the file, or nothing of it.
    #[cfg_attr(
        not(feature = "encryption"),
        allow(clippy::unused_self, unused_variables, reason = "a seal counts")
    )]
    pub(super) fn settle(&mut self, written: bool) {
        #[cfg(feature = "encryption")]
        if let Some(seal) = &mut self.seal {
            seal.settle(written);
        }
    }
}
