//! The format of a sealed tape.
//!
//! | bytes | |
//! |---|---|
//! | 16 | `shadowcat sealed` |
//! | 1 | the version, 1 |
//! | 1 | whether the text in the blocks is compressed: 0, or 1 for zstd |
//! | 14 | zeros |
//! | 32 | the salt, random |
//! | 32 | what shows the right key from a wrong one |
//!
//! Then blocks: 1 byte for the kind, 4 for the length of what follows, and that. Numbers stand with their highest byte
//! first. A block of *text* (1) is sealed by ChaCha20-Poly1305 with its number as the nonce, and its first five bytes as
//! what is bound to it. A block that begins a *stretch* (2) is a salt of 32 bytes and a tag over it: whoever goes on
//! with a file takes a new key, so that no number is used twice with one, whatever a crash left or a copy remembers.
//!
//! The key of a stretch comes by HKDF-SHA-256 from the application's key, the file's salt, the first 64 bytes of the
//! file, the stretch's salt, the number of blocks before it and the tag of the last of them. So a block fits in one
//! place of one file only.

use ring::aead::{CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
#[cfg(feature = "sqlite")]
use zeroize::Zeroize;

use super::SEALED;
use crate::key::Key;

/// Bytes of the head.
pub(super) const HEAD: usize = 96;
/// What the keys are bound to.
const BOUND: usize = 64;
/// Bytes of a random salt.
pub(super) const SALT: usize = 32;
/// Bytes of a tag.
pub(super) const TAG: usize = 16;
/// Kind and length of a block.
pub(super) const BLOCK_HEAD: usize = 5;
/// What a block is.
pub(super) const TEXT: u8 = 1;
/// The same: a new key from here on.
pub(super) const STRETCH: u8 = 2;
/// The version of the format.
pub(in crate::tape) const VERSION: u8 = 1;

const AT_VERSION: usize = 16;
const AT_ZSTD: usize = 17;
/// Of a tape in SQLite: whether its methods and tools are sealed, too.
#[cfg(feature = "sqlite")]
const AT_NAMES: usize = 18;
const AT_SALT: usize = 32;

/// The head of a sealed file.
#[derive(Clone, Debug)]
pub(in crate::tape) struct Head(pub(super) [u8; HEAD]);

impl Head {
    pub(super) fn new(zstd: bool, salt: [u8; SALT], key: &Key) -> Self {
        let mut head = Self::blank(salt);
        head.0[AT_ZSTD] = u8::from(zstd);
        head.checked(key)
    }

    fn blank(salt: [u8; SALT]) -> Self {
        let mut head = [0; HEAD];
        head[..AT_VERSION].copy_from_slice(SEALED);
        head[AT_VERSION] = VERSION;
        head[AT_SALT..BOUND].copy_from_slice(&salt);
        Self(head)
    }

    fn checked(mut self, key: &Key) -> Self {
        let check = self.secret(key).check();
        self.0[BOUND..].copy_from_slice(&check);
        self
    }

    pub(in crate::tape) fn version(&self) -> u8 {
        self.0[AT_VERSION]
    }

    pub(super) fn is_zstd(&self) -> bool {
        self.0[AT_ZSTD] == 1
    }

    /// What all keys of the file come from.
    pub(in crate::tape) fn secret(&self, key: &Key) -> Secret {
        let salt = Salt::new(HKDF_SHA256, &self.0[AT_SALT..BOUND]);
        let mut bound = [0; BOUND];
        bound.copy_from_slice(&self.0[..BOUND]);
        Secret { prk: salt.extract(key.bytes()), bound }
    }

    /// Whether this is the key that the file was made with.
    pub(in crate::tape) fn fits(&self, secret: &Secret) -> bool {
        self.0[BOUND..] == secret.check()
    }
}

#[cfg(feature = "sqlite")]
impl Head {
    /// Of a tape whose rows are sealed one by one.
    pub(in crate::tape) fn of_rows(hides_names: bool, salt: [u8; SALT], key: &Key) -> Self {
        let mut head = Self::blank(salt);
        head.0[AT_NAMES] = u8::from(hides_names);
        head.checked(key)
    }

    pub(in crate::tape) fn hides_names(&self) -> bool {
        self.0[AT_NAMES] == 1
    }

    pub(in crate::tape) fn read(bytes: &[u8]) -> Option<Self> {
        let head = Self(bytes.try_into().ok()?);
        head.0.starts_with(SEALED).then_some(head)
    }

    pub(in crate::tape) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What all keys of a file come from.
#[derive(Clone)]
pub(in crate::tape) struct Secret {
    prk: Prk,
    bound: [u8; BOUND],
}

impl Secret {
    fn check(&self) -> [u8; HEAD - BOUND] {
        let mut check = [0; HEAD - BOUND];
        let info = [&b"shadowcat tape check"[..], &self.bound];
        let filled = self.prk.expand(&info, HKDF_SHA256).and_then(|okm| okm.fill(&mut check));
        filled.expect("HKDF gives 32 bytes");
        check
    }

    /// The key of a stretch that begins at a place.
    pub(super) fn stretch(&self, salt: &[u8; SALT], place: &Place) -> LessSafeKey {
        let number = place.blocks.to_be_bytes();
        self.key(&[&b"shadowcat tape stretch"[..], &self.bound, salt, &number, &place.last])
    }

    fn key(&self, info: &[&[u8]]) -> LessSafeKey {
        let okm = self.prk.expand(info, &CHACHA20_POLY1305).expect("HKDF gives 32 bytes");
        LessSafeKey::new(UnboundKey::from(okm))
    }
}

#[cfg(feature = "sqlite")]
impl Secret {
    /// A key of one tape of a file of tapes; all labels and all salts are of one length.
    pub(in crate::tape) fn key_of(&self, label: &[u8; 20], salt: &[u8; 16], tape: &[u8]) -> LessSafeKey {
        self.key(&[label, &self.bound, salt, tape])
    }

    /// For a chain of one tape.
    pub(in crate::tape) fn chain_of(&self, tape: &[u8]) -> Key {
        let (mut key, info) = ([0; 32], [&b"shadowcat tape chain"[..], &self.bound, tape]);
        let filled = self.prk.expand(&info, HKDF_SHA256).and_then(|okm| okm.fill(&mut key));
        filled.expect("HKDF gives 32 bytes");
        let chain = Key::new(key);
        key.zeroize();
        chain
    }
}

/// Between two blocks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// How many are before it.
    pub(super) blocks: u64,
    /// The tag of the last of them.
    pub(super) last: [u8; TAG],
}

impl Place {
    pub(super) fn nonce(&self) -> Nonce {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&self.blocks.to_be_bytes());
        Nonce::assume_unique_for_key(nonce)
    }

    /// Behind a block that ends with its tag.
    pub(super) fn after(&self, block: &[u8]) -> Self {
        let mut last = [0; TAG];
        last.copy_from_slice(&block[block.len() - TAG..]);
        Self { blocks: self.blocks + 1, last }
    }
}

pub(super) fn block_head(kind: u8, length: usize) -> [u8; BLOCK_HEAD] {
    let length = u32::try_from(length).expect("a block is far smaller than 4 GiB").to_be_bytes();
    [kind, length[0], length[1], length[2], length[3]]
}
