//! What a file of lines is to be like.

use std::io;

use crate::key::Key;
use crate::tape::OpenOptions;
use crate::tape::keys::Keys;
#[cfg(feature = "encryption")]
use crate::tape::pack::Seal;
#[cfg(feature = "zstd")]
use crate::tape::pack::Zip;
use crate::tape::pack::{Ending, Pack};

/// How a [`Writer`](super::Writer) writes.
///
/// | method | feature | |
/// |---|---|---|
/// | `durable` | | a commit waits for the disk |
/// | `chain` | | nobody changes the tape unnoticed |
/// | `compress` | `zstd` | a file for `zstdcat`, and for every reader here |
/// | `encrypt` | `encryption` | nobody reads or changes the file without the key |
///
/// They can be combined.
///
/// ```
/// use shadowcat::tape::{Key, lines::Options};
///
/// let options = Options::new().durable(true).chain(Key::new([7; 32])); // in earnest: a random key
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(super) durable: bool,
    pub(super) keys: Keys,
    #[cfg(feature = "zstd")]
    level: Option<i32>,
}

impl Options {
    /// Plain text, by a writer that does not wait for the disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether [`commit`](crate::tape::Sink::commit) waits until the disk has it, so that it survives a power failure
    /// too.
    pub fn durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self
    }

    /// Binds each line to all lines before it by a MAC (HMAC-SHA-256): see [`verify`](fn@super::verify). 73 bytes a line.
    pub fn chain(mut self, key: Key) -> Self {
        self.keys.chain = Some(key);
        self
    }

    /// Compresses what is written at once, by zstd at a level from 1 to 19, or the nearest of these; 3 is what zstd
    /// itself takes. The more is committed at once, the smaller the file.
    #[cfg(feature = "zstd")]
    #[cfg_attr(docsrs, doc(cfg(feature = "zstd")))]
    pub fn compress(mut self, level: i32) -> Self {
        use crate::tape::pack::LEVELS;
        self.level = Some(level.clamp(*LEVELS.start(), *LEVELS.end()));
        self
    }

    /// Encrypts what is written at once, by ChaCha20-Poly1305 under keys that come from this one. What is changed,
    /// moved, missing or of another file is noticed by the [`Reader`](super::Reader), except that of a tape that was
    /// finished and gone on with later, all behind the first end may have been cut off: whoever must know that too uses a
    /// [chain](Self::chain), and keeps its [tip](super::Writer::chain_tip). How long the file is and when it grew can be
    /// seen by anyone.
    #[cfg(feature = "encryption")]
    #[cfg_attr(docsrs, doc(cfg(feature = "encryption")))]
    pub fn encrypt(mut self, key: Key) -> Self {
        self.keys.seal = Some(key);
        self
    }

    /// How a file of a rotated tape ends its name.
    pub(in crate::tape) fn suffix(&self) -> &'static str {
        if self.keys.seal().is_some() {
            return "jsonl.sealed";
        }
        #[cfg(feature = "zstd")]
        if self.level.is_some() {
            return "jsonl.zst";
        }
        "jsonl"
    }

    /// With these keys.
    pub(in crate::tape) fn with(keys: Keys) -> Self {
        Self { keys, ..Self::default() }
    }

    /// To read what was written so.
    pub(in crate::tape) fn to_open(&self) -> OpenOptions {
        OpenOptions::with(self.keys.without_chain())
    }

    /// Of a new file.
    #[cfg_attr(
        not(any(feature = "zstd", feature = "encryption")),
        allow(clippy::unused_self, clippy::unnecessary_wraps)
    )]
    pub(super) fn pack(&self) -> io::Result<Pack> {
        Ok(Pack {
            #[cfg(feature = "zstd")]
            zip: self.level.map(Zip::new).transpose()?,
            #[cfg(feature = "encryption")]
            seal: self.keys.seal().map(|key| Seal::new(key, self.is_zipped())).transpose()?,
        })
    }

    /// Of a file that is there: as it was packed so far.
    #[cfg_attr(
        not(any(feature = "zstd", feature = "encryption")),
        allow(clippy::unused_self, clippy::unnecessary_wraps, unused_variables)
    )]
    pub(super) fn pack_on(&self, ending: &Ending) -> io::Result<Pack> {
        Ok(Pack {
            #[cfg(feature = "zstd")]
            zip: ending.is_zipped.then(|| Zip::new(self.level.unwrap_or(3))).transpose()?,
            #[cfg(feature = "encryption")]
            seal: ending.sealed.as_ref().map(Seal::resume),
        })
    }

    #[cfg(all(feature = "zstd", feature = "encryption"))]
    fn is_zipped(&self) -> bool {
        self.level.is_some()
    }

    #[cfg(all(feature = "encryption", not(feature = "zstd")))]
    #[allow(clippy::unused_self, reason = "with zstd it may be")]
    fn is_zipped(&self) -> bool {
        false
    }
}
