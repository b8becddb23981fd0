//! What was dropped, and how often a stream had to be taken up again.

use super::state::Shared;

/// What a leaf over HTTP dropped, skipped and took up again so far. See [`Http::stats`](super::Http::stats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Replies that matched no pending call: of another, of the wrong type, or on a stream that has none.
    pub unmatched_replies: u64,
    /// Answers of the client to a question that the server did not ask.
    pub unmatched_answers: u64,
    /// Events of the server that were no acceptable message.
    pub unreadable_events: u64,
    /// Messages that came a second time and were dropped.
    pub repeated_messages: u64,
    /// Notifications dropped because nobody listens.
    pub dropped_notifications: u64,
    /// Questions of the server that nobody could answer, or that a modern server may not ask.
    pub unanswerable_requests: u64,
    /// Refusals and cancellations that were not sent because too many were on their way.
    pub lost_refusals: u64,
    /// Listens that ended because their reader was too slow.
    pub overflows: u64,
    /// Attempts to take up a stream that broke.
    pub reconnections: u64,
    /// Tools left out of lists; see [`Options::drop_invalid_tools`](super::Options::drop_invalid_tools).
    pub dropped_tools: u64,
    /// Calls sent once more, because the server wanted other headers than its last list said.
    pub repeated_calls: u64,
}

impl Shared {
    pub(super) fn count(&self, what: impl FnOnce(&mut Stats)) {
        what(&mut self.lock().stats);
    }

    /// The older transport counts for itself.
    pub(super) fn stats(&self) -> Stats {
        let own = self.lock().stats;
        let Some(piped) = self.pipe.get().map(|pipe| pipe.stats()) else { return own };
        Stats {
            unmatched_replies: own.unmatched_replies + piped.unmatched_replies,
            unmatched_answers: own.unmatched_answers + piped.unmatched_answers,
            unreadable_events: own.unreadable_events + piped.unreadable_lines,
            dropped_notifications: own.dropped_notifications + piped.dropped_notifications,
            unanswerable_requests: own.unanswerable_requests + piped.unanswerable_requests,
            lost_refusals: own.lost_refusals + piped.lost_refusals,
            overflows: own.overflows + piped.overflows,
            ..own
        }
    }
}
