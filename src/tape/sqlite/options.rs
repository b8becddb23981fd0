//! What a tape in SQLite is to be like.

use crate::key::Key;
use crate::tape::OpenOptions;
#[cfg(feature = "encryption")]
use crate::tape::TapeId;
use crate::tape::keys::Keys;

/// How a [`Writer`](super::Writer) writes.
///
/// | method | feature | |
/// |---|---|---|
/// | `durable` | | a commit waits for the disk |
/// | `chain` | | nobody changes the tape unnoticed |
/// | `encrypt` | `encryption` | nobody reads or changes a message without the key |
/// | `hide_names` | `encryption` | nor reads what its method and tool are |
///
/// They can be combined, and each tape of a file has its own.
///
/// ```
/// use shadowcat::tape::{Key, sqlite::Options};
///
/// let options = Options::new().durable(true).chain(Key::new([7; 32])); // in earnest: a random key
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(super) durable: bool,
    pub(super) keys: Keys,
    #[cfg(feature = "encryption")]
    hide_names: bool,
}

impl Options {
    /// Neither encrypted nor bound, by a writer that does not wait for the disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether [`commit`](crate::tape::Sink::commit) waits until the disk has it, so that it survives a power failure
    /// too.
    pub fn durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self
    }

    /// Binds each entry to all entries before it by a MAC (HMAC-SHA-256), and what is known of the tape to where it ends:
    /// see [`verify`](fn@super::verify). Some 40 bytes an entry. Who reads with this key reads every entry: a filter
    /// uses no index.
    pub fn chain(mut self, key: Key) -> Self {
        self.keys.chain = Some(key);
        self
    }

    /// Encrypts each message, and what is known of the tape, by ChaCha20-Poly1305 under keys that come from this one: 32
    /// bytes an entry. An entry that is changed, moved, or of another tape is noticed by the
    /// [`Reader`](super::Reader), and whoever reads the tape as a whole notices what is missing. Only that the file, or
    /// one tape of it, was put back as it had been before, nobody sees but who uses a [chain](Self::chain) and keeps
    /// its [tip](super::Writer::chain_tip).
    ///
    /// **Not encrypted** is what an index or a list needs: the names of the methods and tools that are called
    /// ([unless](Self::hide_names)), of sessions and of components; all times, kinds, directions, numbers of calls and
    /// outcomes; how long each message is; the tape's id, when it began, and its session. So these can be
    /// asked for by index, but without the key of a chain an index is trusted: who can write the file can make it pass over
    /// entries, or show older ones of the same tape. Of a tape that goes through several files, only a chain tells that one is
    /// missing.
    #[cfg(feature = "encryption")]
    #[cfg_attr(docsrs, doc(cfg(feature = "encryption")))]
    pub fn encrypt(mut self, key: Key) -> Self {
        self.keys.seal = Some(key);
        self
    }

    /// Whether the names of methods and tools of an encrypted tape are in its messages only. Filters read all of it then. Off by
    /// default.
    #[cfg(feature = "encryption")]
    #[cfg_attr(docsrs, doc(cfg(feature = "encryption")))]
    pub fn hide_names(mut self, hide: bool) -> Self {
        self.hide_names = hide;
        self
    }

    /// To seal a new tape with, and the head that it is to have.
    #[cfg(feature = "encryption")]
    pub(super) fn seal(&self, tape: &TapeId) -> std::io::Result<Option<(super::seal::Seal, Vec<u8>)>> {
        let seal = |key| super::seal::Seal::new(key, tape, self.hide_names);
        self.keys.seal().map(seal).transpose()
    }

    #[cfg(not(feature = "encryption"))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "with encryption there may be one")]
    pub(super) fn seal(
        &self,
        _: &crate::tape::TapeId,
    ) -> std::io::Result<Option<(super::seal::Seal, Vec<u8>)>> {
        Ok(None)
    }

    /// To read what was written so.
    pub(in crate::tape) fn to_open(&self) -> OpenOptions {
        OpenOptions::with(self.keys.without_chain())
    }
}
