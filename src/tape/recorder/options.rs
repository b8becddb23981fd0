//! How a recorder records.

/// When there is no room for an entry: in the queue, or on the disk for so long that the queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// Traffic goes on. What is lost is counted, and an entry of the kind [`Lost`](crate::tape::EntryKind::Lost) says
    /// how much, at its place.
    #[default]
    DropAndCount,
    /// Nothing of a call is lost: while there is no room the stack is not ready, and what comes back stays with the
    /// server. No thread of a runtime is blocked. While the disk is full, that is for as long as it takes. Beyond the
    /// bounds are only what several stacks let pass at the same moment, a message each, and the ends of calls that were
    /// let go. Notes, refused frames and what became of components wait for nobody: they are lost and counted.
    Backpressure,
    /// Nothing goes on that would not be recorded: while there is no room, while the tape cannot be written, and where
    /// something cannot be masked, calls are refused. The response and the end of a call that was let go find room
    /// always; what else the server says, and finds none or cannot be masked, is lost and counted.
    FailClosed,
}

/// With what a sink keeps, and the blocks in which it waits, less than 8 MiB.
const MAX_BYTES: usize = 6 << 20;

/// How a recorder records.
///
/// ```
/// use shadowcat::tape::{Overflow, RecorderOptions};
///
/// let options = RecorderOptions::new().overflow(Overflow::FailClosed).max_entries(1024).max_bytes(1 << 20);
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing before a recorder is started with them"]
pub struct RecorderOptions {
    pub(super) overflow: Overflow,
    pub(super) max_entries: usize,
    pub(super) max_bytes: usize,
    pub(super) calls: u64,
}

impl Default for RecorderOptions {
    fn default() -> Self {
        Self { overflow: Overflow::default(), max_entries: 8192, max_bytes: MAX_BYTES, calls: 0 }
    }
}

impl RecorderOptions {
    /// What is lost is counted; 8,192 entries and 6 MiB wait.
    pub fn new() -> Self {
        Self::default()
    }

    /// What happens when there is no room.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// What was set by [`overflow`](Self::overflow).
    pub(crate) fn overflow_policy(&self) -> Overflow {
        self.overflow
    }

    /// Entries that wait to be written, at least one.
    pub fn max_entries(mut self, entries: usize) -> Self {
        self.max_entries = entries.max(1);
        self
    }

    /// Bytes of them, and of those that the sink has not taken yet, with what each takes beside its message. One entry
    /// waits whatever its size.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Numbers calls from behind this, for a tape that is gone on with: as many as it has frames is enough.
    pub fn calls_after(mut self, number: u64) -> Self {
        self.calls = number;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::SMALL;
    use crate::tape::recorder::arena::BLOCK;

    #[test]
    fn what_waits_on_a_full_disk_is_less_than_8_mib() {
        #[cfg(feature = "sqlite")]
        let kept = crate::tape::sqlite::WAITING_BYTES;
        #[cfg(not(feature = "sqlite"))]
        let kept = 0;
        // Of each block what another small message would not fit into, and of the first and the last all.
        let waiting = RecorderOptions::new().max_bytes;
        let blocks = waiting / 2 / (BLOCK - SMALL) * SMALL + 2 * BLOCK;
        assert!(waiting + kept + blocks < 8 << 20);
    }
}
