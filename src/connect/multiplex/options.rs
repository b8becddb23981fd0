//! Bounds and habits of a multiplexed pipe.

use crate::message::ScanOptions;

/// How a [`Multiplex`](super::Multiplex) behaves. Every bound is on by default.
///
/// ```
/// use shadowcat::connect::Options;
///
/// let options = Options::new().rewrite_ids(true).max_pending(16);
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(super) scan: ScanOptions,
    pub(super) max_pending: usize,
    pub(super) queue_messages: usize,
    pub(super) queue_bytes: usize,
    pub(super) early_messages: usize,
    pub(super) max_outgoing: usize,
    pub(super) max_undelivered: usize,
    pub(super) rewrite_ids: bool,
    pub(super) random_ids: bool,
    pub(super) own_cancellations: bool,
    pub(super) one_per_write: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            scan: ScanOptions::default(),
            max_pending: 1024,
            queue_messages: 1024,
            queue_bytes: 8 << 20,
            early_messages: 64,
            max_outgoing: 64 << 20,
            max_undelivered: 64 << 20,
            rewrite_ids: false,
            random_ids: false,
            own_cancellations: false,
            one_per_write: false,
        }
    }
}

impl Options {
    /// The defaults: 1,024 pending calls, per reply a queue of 1,024 messages and 8 MiB, 64 messages and 1 MiB
    /// kept for a listen to come, 64 MiB waiting to be written; 64 MiB answered but not taken, and as much in
    /// all streams; ids as they are.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the server's messages must pass.
    pub fn scan(mut self, scan: ScanOptions) -> Self {
        self.scan = scan;
        self
    }

    /// Calls that wait for their reply at once; more fail with an error that `is_busy()`.
    pub fn max_pending(mut self, calls: usize) -> Self {
        self.max_pending = calls.clamp(1, 1 << 20);
        self
    }

    /// What one reply that is a stream may hold unread; beyond, it ends with an error that `is_overflow()`.
    pub fn queue(mut self, messages: usize, bytes: usize) -> Self {
        self.queue_messages = messages.max(1);
        self.queue_bytes = bytes;
        self
    }

    /// Messages kept for a session's listen that is not open yet; in any case no more than 1 MiB of them.
    pub fn early_messages(mut self, messages: usize) -> Self {
        self.early_messages = messages;
        self
    }

    /// Bytes that wait because the server does not read; beyond, calls fail with an error that `is_busy()`.
    ///
    /// Answers to the server's questions may take as much again. Beyond that the pipe ends with the first that
    /// a client gives, and refusals are [lost](Stats::lost_refusals).
    pub fn max_outgoing(mut self, bytes: usize) -> Self {
        self.max_outgoing = bytes;
        self
    }

    /// Bytes of single replies that nobody has taken yet; beyond, a call fails with an error that
    /// `is_overflow()`. And as many bytes that all replies which are streams hold unread; beyond, one ends with
    /// that error, unless its own queue is empty and the message has at most 64 KiB.
    pub fn max_undelivered(mut self, bytes: usize) -> Self {
        self.max_undelivered = bytes;
        self
    }

    /// Give every request a small fresh id, and its progress token the same, and map both back: for servers
    /// that mangle ids, and where several clients share the pipe. Off: ids travel as they are, and only one
    /// that is already in use is replaced.
    pub fn rewrite_ids(mut self, rewrite: bool) -> Self {
        self.rewrite_ids = rewrite;
        self
    }

    /// Fresh ids are drawn by chance from 1 to 2³¹−1, and every request gets one: for servers whose output is not
    /// all their own, as where a component may write to it. Whoever cannot see the ids answers in the server's name
    /// with a chance of one in 2³¹ for each line and pending call; what misses is
    /// [counted](Stats::unmatched_replies).
    pub fn random_ids(mut self) -> Self {
        (self.rewrite_ids, self.random_ids) = (true, true);
        self
    }

    /// Write cancellations of our own, without a reason, in the place of the client's: for servers that do not stand
    /// whatever a client may have written there.
    pub fn own_cancellations(mut self, own: bool) -> Self {
        self.own_cancellations = own;
        self
    }

    /// One message per write, for servers that lose what shares a read (rmcp 0.2 does).
    pub fn one_per_write(mut self, one: bool) -> Self {
        self.one_per_write = one;
        self
    }
}

/// What a [`Multiplex`](super::Multiplex) dropped or skipped, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Replies that matched no pending call: late, doubled, unknown or of the wrong type.
    pub unmatched_replies: u64,
    /// Answers of the client to a question that the server did not ask.
    pub unmatched_answers: u64,
    /// Lines of the server that were no acceptable message.
    pub unreadable_lines: u64,
    /// Notifications dropped because nobody listens, or for a call that was cancelled.
    pub dropped_notifications: u64,
    /// Questions of the server that were answered with an error because nobody could.
    pub unanswerable_requests: u64,
    /// Of these, the errors that were not sent because the server does not read.
    pub lost_refusals: u64,
    /// Requests of a modern server, which is to make none. They are not answered.
    pub dropped_requests: u64,
    /// Replies that ended because their reader was too slow.
    pub overflows: u64,
}
