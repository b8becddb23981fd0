//! How a log is kept.

use std::time::Duration;

use super::Key;

/// When there is no room for a record: in the queue, or on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// Traffic goes on. What is lost is counted, and a `gap` record says how much, at its place.
    #[default]
    Count,
    /// Fail closed: while nothing can be written, and while as many records as the queue holds wait or belong to calls
    /// that run, nothing of a client's goes on; requests are refused, the rest is dropped. What the server says of its own
    /// accord is not held up, and where it finds no room its record is lost and counted.
    Refuse,
}

/// When the file is told to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// When the system likes: records outlive this process, not a loss of power.
    #[default]
    System,
    /// After each batch of records.
    Disk,
}

/// How a log is kept. Sizes are in bytes.
///
/// ```
/// use std::time::Duration;
/// use shadowcat::audit::{Durability, Key, Options, Overflow};
///
/// let options = Options::new()
///     .chain_key(Key::new([1; 32]))
///     .arguments_key(Key::new([2; 32]))
///     .overflow(Overflow::Refuse)
///     .durability(Durability::Disk)
///     .max_bytes(64 << 20)
///     .max_age(Duration::from_secs(24 * 3600))
///     .keep(30);
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing before a log is opened with them"]
pub struct Options {
    pub(super) chain_key: Option<Key>,
    pub(super) arguments_key: Option<Key>,
    pub(super) overflow: Overflow,
    pub(super) durability: Durability,
    pub(super) max_queued: usize,
    pub(super) max_bytes: u64,
    pub(super) max_age: Option<Duration>,
    pub(super) keep: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            chain_key: None,
            arguments_key: None,
            overflow: Overflow::default(),
            durability: Durability::default(),
            max_queued: 4096,
            max_bytes: 1 << 30,
            max_age: None,
            keep: None,
        }
    }
}

impl Options {
    /// No keys, overflow is counted, 4,096 records wait, files of 1 GiB, all of them kept.
    pub fn new() -> Self {
        Self::default()
    }

    /// Binds the chain by HMAC-SHA-256 with this key: then whoever can write the file, but has no key, cannot make a chain
    /// that holds. Without one, anybody can compute it anew.
    pub fn chain_key(mut self, key: Key) -> Self {
        self.chain_key = Some(key);
        self
    }

    /// Makes the digests of arguments with this key. Without one they are plain SHA-256, and short or likely arguments can
    /// be guessed from it: a thief of the file tries them all.
    pub fn arguments_key(mut self, key: Key) -> Self {
        self.arguments_key = Some(key);
        self
    }

    /// What happens when there is no room.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Whether records are to outlive a loss of power.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Records that wait to be written, at least one; with [`Overflow::Refuse`] also those of calls that run.
    pub fn max_queued(mut self, records: usize) -> Self {
        self.max_queued = records.max(1);
        self
    }

    /// Bytes of a file, about: then it is renamed to `NAME.000001` and so on, and the chain goes on in a new one. At
    /// least 64 KiB.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes.max(64 << 10);
        self
    }

    /// How old a file grows before the next record goes into a new one. Unlimited unless it is said otherwise.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// How many full files are kept; all, unless it is said otherwise. The oldest are removed, and the chain of what is
    /// left begins in its middle then: see [`Verifier::from_the_middle`](super::Verifier::from_the_middle).
    pub fn keep(mut self, files: usize) -> Self {
        self.keep = Some(files);
        self
    }
}
