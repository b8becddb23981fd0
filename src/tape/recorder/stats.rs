//! What a recorder did so far.

/// What became of entries so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecorderStats {
    /// Taken by the tape. Until it is committed it may be in memory; if the tape could not be ended, that part is not
    /// counted here, but as lost.
    pub recorded: u64,
    /// Lost: there was no room, or they could not be written or not be masked.
    pub lost: u64,
    /// Calls that did not go on because they could not be recorded.
    pub refused: u64,
    /// The last attempt to write failed; it is tried again, unless the tape has ended.
    pub is_failing: bool,
}

impl RecorderStats {
    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            recorded: self.recorded + other.recorded,
            lost: self.lost + other.lost,
            refused: self.refused + other.refused,
            is_failing: self.is_failing || other.is_failing,
        }
    }
}
