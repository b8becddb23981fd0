//! What a replay did.

/// What a replay did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests, listens among them.
    pub requests: u64,
    /// Requests that nothing on the tape answers, or not there.
    pub refused: u64,
    /// Requests that were answered by what was recorded last, once more.
    pub repeats: u64,
    /// Requests that were answered by what was recorded of another one ([`Lenient`](super::Matching::Lenient)).
    pub fallbacks: u64,
    /// Notifications of the client that were not recorded, which are [mismatches](super::Mismatch), or not so often.
    pub unrecorded_notifications: u64,
    /// Questions that the client was asked.
    pub questions: u64,
    /// Answers of the client that are not as recorded.
    pub differing_answers: u64,
    /// Answers of the client to what it was not asked.
    pub unmatched_answers: u64,
}
