//! Sealing what is written at once.

use std::fmt;
use std::io;

use ring::aead::{Aad, LessSafeKey};

use super::sealed::{BLOCK_HEAD, HEAD, Head, Place, SALT, STRETCH, Secret, TAG, TEXT, block_head};
use super::unseal::End;
use crate::key::Key;

/// So much is kept for the next piece.
const KEPT: usize = 256 << 10;

/// Makes a sealed block of each piece.
pub(in crate::tape) struct Seal {
    secret: Secret,
    /// What the file is to begin with.
    head: Option<Head>,
    /// Of this stretch, unless a new one is to begin.
    key: Option<LessSafeKey>,
    place: Place,
    /// Where the next block stands if the last is written.
    next: Place,
    out: Vec<u8>,
}

impl Seal {
    /// Of a new file.
    pub(in crate::tape) fn new(key: &Key, zstd: bool) -> io::Result<Self> {
        let head = Head::new(zstd, random()?, key);
        Ok(Self::at(head.secret(key), Some(head), Place::default()))
    }

    /// Of a file that ends so.
    pub(in crate::tape) fn resume(end: &End) -> Self {
        Self::at(end.secret.clone(), None, end.place)
    }

    fn at(secret: Secret, head: Option<Head>, place: Place) -> Self {
        Self { secret, head, key: None, place, next: place, out: Vec::new() }
    }

    pub(super) fn seal(&mut self, text: &[u8]) -> io::Result<&[u8]> {
        self.out.clear();
        self.out.shrink_to(KEPT);
        self.out.reserve(text.len() + HEAD + 2 * (BLOCK_HEAD + TAG) + SALT);
        if let Some(head) = &self.head {
            self.out.extend_from_slice(&head.0);
        }
        self.next = self.place;
        let key = match self.key.take() {
            Some(key) => key,
            None => self.stretch()?,
        };
        let done = block(&key, &mut self.next, TEXT, text, &mut self.out);
        self.key = Some(key);
        done.map(|()| &*self.out)
    }

    /// Takes a new key.
    fn stretch(&mut self) -> io::Result<LessSafeKey> {
        let salt = random()?;
        let key = self.secret.stretch(&salt, &self.next);
        let head = block_head(STRETCH, SALT + TAG);
        let bound: Vec<u8> = head.iter().chain(&salt).copied().collect();
        let tag = key.seal_in_place_separate_tag(self.next.nonce(), Aad::from(bound), &mut []);
        self.out.extend_from_slice(&head);
        self.out.extend_from_slice(&salt);
        self.out.extend_from_slice(tag.map_err(unsealed)?.as_ref());
        self.next = self.next.after(&self.out);
        Ok(key)
    }

    pub(super) fn settle(&mut self, written: bool) {
        if written {
            (self.head, self.place) = (None, self.next);
        } else {
            // What was cut off again may have been copied: its numbers are used.
            self.key = None;
        }
    }
}

fn block(key: &LessSafeKey, place: &mut Place, kind: u8, text: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let head = block_head(kind, text.len() + TAG);
    out.extend_from_slice(&head);
    let start = out.len();
    out.extend_from_slice(text);
    let tag = key.seal_in_place_separate_tag(place.nonce(), Aad::from(head), &mut out[start..]);
    out.extend_from_slice(tag.map_err(unsealed)?.as_ref());
    *place = place.after(out);
    Ok(())
}

fn unsealed(_: ring::error::Unspecified) -> io::Error {
    io::Error::other("a block cannot be sealed")
}

pub(in crate::tape) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| io::Error::other("no random bytes"))?;
    Ok(bytes)
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").field("place", &self.place).finish_non_exhaustive()
    }
}
