//! When a tape's messages are sent, and how far it was played.

/// When the recorded messages are sent. In each case no call is made before those that had ended when it was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Pace {
    /// Each call when the one before has ended, whatever was recorded. A call that ends only because of a later one
    /// runs into its [timeout](super::Verify::timeout).
    #[default]
    OneByOne,
    /// At the times, and at the same time as others, as recorded.
    AsRecorded,
    /// The same, with all times multiplied: 0.5 is twice as fast, 0 as fast as the order allows.
    Scaled(f64),
}

/// How far a tape was played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Calls that are over.
    pub over: usize,
    /// Calls of the tape.
    pub calls: usize,
    /// Calls that are under way.
    pub in_flight: usize,
}
