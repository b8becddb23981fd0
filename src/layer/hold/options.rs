//! How much is held, how long, and what then.

use std::time::Duration;

use tokio::time::Instant;

use crate::layer::intercept::{Action, Block};
use crate::message::Code;

/// Longer than any process runs, and still an instant.
const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Bounds of what is held.
///
/// ```
/// use std::time::Duration;
/// use shadowcat::layer::hold::{Holds, Options};
///
/// let holds = Holds::new(Options::new().max_held(8).max_age(Duration::from_secs(60)));
/// assert!(holds.held().is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(super) max_held: usize,
    pub(super) max_bytes: usize,
    max_age: Duration,
    opens: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_held: 64, max_bytes: 16 << 20, max_age: Duration::from_secs(10 * 60), opens: false }
    }
}

impl Options {
    /// 64 messages and 16 MiB at once, each for 10 min, failing closed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Messages that are held at once.
    pub fn max_held(mut self, messages: usize) -> Self {
        self.max_held = messages;
        self
    }

    /// Bytes of messages that are held at once.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How long a message is held.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// What nobody decided about in time, what finds no room, and what a breakpoint's condition panics at goes on as
    /// it is. Otherwise it is blocked.
    pub fn fail_open(mut self) -> Self {
        self.opens = true;
        self
    }

    pub(super) fn opens(&self) -> bool {
        self.opens
    }

    /// When a message expires that is held from `now` on.
    pub(super) fn expiry(&self, now: Instant) -> Instant {
        now.checked_add(self.max_age).unwrap_or_else(|| now + FOREVER)
    }

    pub(super) fn otherwise(&self, why: &str) -> Action {
        match self.opens {
            true => Action::Continue,
            false => Action::Block(Block::error(Code::INTERNAL_ERROR, why)),
        }
    }
}
