//! When a new file begins, and which are kept.

use std::time::Duration;

/// When a new file begins, and how long old ones are kept.
///
/// A file is removed only if it has the name of a part and says itself that it is that part of the tape.
///
/// ```
/// use std::time::Duration;
/// use shadowcat::tape::Rotate;
///
/// let rotate = Rotate::new().max_bytes(64 << 20).max_age(Duration::from_secs(3600)).keep_files(24);
/// ```
#[derive(Clone, Debug)]
pub struct Rotate {
    pub(super) max_bytes: u64,
    pub(super) max_age: Option<Duration>,
    keep_files: Option<usize>,
    keep_bytes: Option<u64>,
    pub(super) keep_for: Option<Duration>,
}

impl Rotate {
    /// At 1 GiB, whatever its age; every file is kept.
    pub fn new() -> Self {
        Self { max_bytes: 1 << 30, max_age: None, keep_files: None, keep_bytes: None, keep_for: None }
    }

    /// Bytes of one file; it is ended before it would be larger, unless a single entry is.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How long a file is written to.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// How many files are kept, at least the one that is written to: the oldest are removed.
    pub fn keep_files(mut self, files: usize) -> Self {
        self.keep_files = Some(files.max(1));
        self
    }

    /// Bytes of all files together, of which the one that is written to is never removed: the oldest are.
    pub fn keep_bytes(mut self, bytes: u64) -> Self {
        self.keep_bytes = Some(bytes);
        self
    }

    /// How long files are kept after they were last written to. They are looked at when a new one begins, and about every
    /// minute while something is written.
    pub fn keep_for(mut self, time: Duration) -> Self {
        self.keep_for = Some(time);
        self
    }

    /// Whether a file is to go: it is so old, and from it to the newest there are so many files with so many bytes.
    pub(in crate::tape) fn forgets(&self, age: Option<Duration>, files: usize, bytes: u64) -> bool {
        self.keep_files.is_some_and(|keep| files > keep)
            || self.keep_bytes.is_some_and(|keep| bytes > keep)
            || self.keep_for.is_some_and(|keep| age.is_some_and(|age| age > keep))
    }
}

impl Rotate {
    /// Whether what is kept depends on bytes.
    #[cfg(feature = "sqlite")]
    pub(in crate::tape) fn counts_bytes(&self) -> bool {
        self.keep_bytes.is_some()
    }
}

impl Default for Rotate {
    fn default() -> Self {
        Self::new()
    }
}
