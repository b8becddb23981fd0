//! Digests, with a key or without.

use sha2::{Digest as _, Sha256};

pub use crate::key::Key;
pub(super) use crate::key::{Hash, hex, unhex};

/// Sets the hash of a line apart from that of arguments that a client chose to look like one.
const LINE: &[u8] = b"shadowcat audit line\0";

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
