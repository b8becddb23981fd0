//! What a tape is called.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::TapeError;

/// What a tape is called: the same in every file that it is copied to.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TapeId(Arc<str>);

impl TapeId {
    /// A new one: a UUID whose order is that of time (RFC 9562, version 7).
    ///
    /// # Errors
    ///
    /// The operating system has no random bytes to give.
    pub fn random() -> Result<Self, TapeError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)
            .map_err(|_| TapeError::io("cannot name a tape", std::io::Error::other("no random bytes")))?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        bytes[..6].copy_from_slice(&since.to_be_bytes()[10..]);
        bytes[6] = bytes[6] & 0x0f | 0x70;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = format!("{:032x}", u128::from_be_bytes(bytes));
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        Ok(Self(parts.join("-").into()))
    }

    /// One that a tape has.
    pub fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    /// One of a stranger's, in a text of ours.
    pub(super) fn shown(&self) -> String {
        crate::shown::name(&self.0, 96)
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TapeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TapeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TapeId({self})")
    }
}
