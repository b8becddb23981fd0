//! Digests, with a key or without.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

/// What a hash is written as.
pub(super) type Hash = [u8; 32];

/// Sets the hash of a line apart from that of arguments that a client chose to look like one.
const LINE: &[u8] = b"shadowcat audit line\0";

/// A secret of 32 random bytes for HMAC-SHA-256.
///
/// ```
/// use shadowcat::audit::Key;
///
/// let key = Key::new([7; 32]); // in earnest: random, and kept where the log is not
/// assert_eq!(format!("{key:?}"), "Key(..)");
/// ```
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// The key itself. Bytes that can be guessed are none.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn mac(&self, parts: &[&[u8]]) -> Hash {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Of a line up to its hash. Without a key this is what `sha256sum` says.
pub(super) fn of_line(key: Option<&Key>, line: &[u8]) -> Hash {
    key.map_or_else(|| Sha256::digest(line).into(), |key| key.mac(&[LINE, line]))
}

/// Of arguments, as it is written down.
pub(super) fn of_arguments(key: Option<&Key>, raw: &[u8]) -> String {
    match key {
        None => format!("sha256:{}", hex(&Sha256::digest(raw).into())),
        Some(key) => format!("hmac-sha256:{}", hex(&key.mac(&[raw]))),
    }
}

pub(super) fn hex(hash: &Hash) -> String {
    use fmt::Write as _;
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Lower case only: one hash has one spelling.
pub(super) fn unhex(text: &[u8]) -> Option<Hash> {
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
