//! A secret that logs and tapes are bound or closed by.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroize;

/// What a hash is written as.
pub(crate) type Hash = [u8; 32];

/// A secret of 32 random bytes, for HMAC-SHA-256 or for encryption. What it is kept in is overwritten when it is
/// dropped.
///
/// ```
/// # #[cfg(feature = "audit")] use shadowcat::audit::Key;
/// # #[cfg(not(feature = "audit"))] use shadowcat::tape::Key;
/// let key = Key::new([7; 32]); // in earnest: random, and kept where the log or the tape is not
/// assert_eq!(format!("{key:?}"), "Key(..)");
/// ```
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// The key itself. Bytes that can be guessed are none.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Of all parts, one after the other.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> Hash {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }

    #[cfg(feature = "encryption")]
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

pub(crate) fn hex(hash: &Hash) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    hash.iter().flat_map(digits).map(char::from).collect()
}

/// Lower case only: one hash has one spelling.
pub(crate) fn unhex(text: &[u8]) -> Option<Hash> {
    let mut hash = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(hash)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}
