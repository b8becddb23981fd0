//! Revisions of the protocol.

use std::fmt;

/// The two shapes of the protocol, in the specification's own terms (2026-07-28 basic/versioning).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the specification names these two eras")]
pub enum Era {
    /// `initialize` opens a session: 2024-11-05 to 2025-11-25.
    Legacy,
    /// Every request stands alone and carries its `_meta`: 2026-07-28.
    Modern,
}

/// A revision of the specification. Later ones compare greater.
///
/// ```
/// use shadowcat::protocol::{Era, ProtocolVersion};
///
/// let version: ProtocolVersion = "2025-11-25".parse().unwrap();
/// assert_eq!(version.era(), Era::Legacy);
/// assert!(version < ProtocolVersion::LATEST);
/// assert!("1999-01-01".parse::<ProtocolVersion>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ProtocolVersion {
    /// HTTP+SSE with two endpoints.
    V2024_11_05,
    /// Streamable HTTP; the only one with batches.
    V2025_03_26,
    /// The version header; elicitation.
    V2025_06_18,
    /// Tasks, polling of streams.
    V2025_11_25,
    /// No sessions: a request stands alone.
    V2026_07_28,
}

impl ProtocolVersion {
    /// The newest revision known here.
    pub const LATEST: Self = Self::V2026_07_28;

    /// Every known revision, oldest first.
    pub const ALL: [Self; 5] =
        [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25, Self::V2026_07_28];

    /// As it is written on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// Whether several messages may stand in one array: in 2025-03-26 only.
    pub fn has_batches(self) -> bool {
        self == Self::V2025_03_26
    }

    /// The era it belongs to.
    pub fn era(self) -> Era {
        if self < Self::V2026_07_28 { Era::Legacy } else { Era::Modern }
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no revision known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a known MCP revision")]
#[non_exhaustive]
pub struct UnknownVersion;

impl std::str::FromStr for ProtocolVersion {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        Self::ALL.into_iter().find(|version| version.as_str() == text).ok_or(UnknownVersion)
    }
}
