//! The secret that a client shows, and what is kept of it.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// Random bytes of an id: twice what no guess will ever find.
const BYTES: usize = 32;

/// What a client is known by: a secret, in visible ASCII. Its `Debug` does not tell it.
///
/// ```
/// use shadowcat::session::SessionId;
///
/// let id = SessionId::random()?;
/// assert_eq!(id.reveal().len(), 64); // 256 bits from the operating system
/// assert!(!format!("{id:?}").contains(id.reveal()));
/// # Ok::<(), shadowcat::session::NoRandomness>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SessionId(Arc<str>);

/// The operating system has no random bytes to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
#[non_exhaustive]
pub struct NoRandomness;

impl SessionId {
    /// A new one: 256 bits from the operating system.
    ///
    /// # Errors
    ///
    /// There are no random bytes to be had.
    pub fn random() -> Result<Self, NoRandomness> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(Self(hex(&bytes).into()))
    }

    /// One that a peer sent.
    pub fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the header that carries it and for nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What its session is found by.
    pub fn key(&self) -> SessionKey {
        SessionKey::of(&self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(…)")
    }
}

/// The SHA-256 of a session's id: whoever reads a store, or measures how long a look-up takes, learns no id.
///
/// It shows as its first 16 hex digits, enough to tell sessions apart in a log.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// Of the session whose id this is.
    pub(crate) fn of(id: &str) -> Self {
        Self(Sha256::digest(id.as_bytes()).into())
    }

    /// All of it.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// By key. Only keys of ids that were drawn here are in it, so that nobody can make them collide.
pub(crate) type KeyMap<V> = HashMap<SessionKey, V, BuildHasherDefault<KeyHasher>>;

/// A key is a hash already: its first bytes will do.
#[derive(Debug, Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*first);
        }
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0[..8]))
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({self})")
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])).collect()
}
