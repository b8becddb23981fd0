//! Tables keyed by ids.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use super::OwnedId;

/// A map from ids that hashes an integer in about a nanosecond.
///
/// The hash is seeded but simple. Its tables are bounded by the number of pending calls, so that the worst a
/// peer can buy with chosen ids is a walk over that many entries.
pub(crate) type IdMap<V> = HashMap<OwnedId, V, IdHash>;

#[derive(Clone, Debug)]
pub(crate) struct IdHash(u64);

impl Default for IdHash {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0_u8))
    }
}

impl BuildHasher for IdHash {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher(self.0)
    }
}

#[derive(Debug)]
pub(crate) struct IdHasher(u64);

impl IdHasher {
    fn mix(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word) * u128::from(0x9E37_79B9_7F4A_7C15_u64);
        self.0 = (wide as u64) ^ ((wide >> 64) as u64);
    }
}

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0_u8; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn write_i64(&mut self, value: i64) {
        self.mix(value as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
