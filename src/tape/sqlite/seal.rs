//! Sealing the rows of a tape, one by one.
//!
//! What is sealed is what stands in `message`, and what is known of the tape; by ChaCha20-Poly1305, with all the row's
//! other columns as what is bound to it. Behind it stand its tag of 16 bytes and a salt of 16: the key comes by
//! HKDF-SHA-256 from the application's key, the first 64 bytes of the tape's [head](Head), that salt and the tape's id.
//!
//! The nonce of a row is the number of its frame. A writer takes a new salt, and so a new key, when it goes on with a
//! tape, and after a commit that failed: what was rolled back may have been copied, so its numbers are used. What is known of the
//! tape has a salt of its own each time.

use std::fmt;
use std::io;
use std::path::Path;

use ring::aead::{Aad, LessSafeKey, Nonce};

use crate::key::Key;
use crate::tape::pack::{Head, Secret, VERSION, random};
use crate::tape::{TapeError, TapeId};

const TAG: usize = 16;
const SALT: usize = 16;
/// What stands behind what is sealed.
pub(super) const TAIL: usize = TAG + SALT;

const ROW: &[u8; 20] = b"shadowcat sealed row";
const TITLE: &[u8; 20] = b"shadowcat tape title";

/// What the keys of one tape come from.
#[derive(Clone)]
pub(super) struct Seal {
    secret: Secret,
    tape: TapeId,
    hides_names: bool,
    /// What rows are sealed with, or were last opened with.
    row: Option<([u8; SALT], LessSafeKey)>,
}

impl Seal {
    /// Of a new tape, and its head.
    pub(super) fn new(key: &Key, tape: &TapeId, hides_names: bool) -> io::Result<(Self, Vec<u8>)> {
        let head = Head::of_rows(hides_names, random()?, key);
        let seal = Self { secret: head.secret(key), tape: tape.clone(), hides_names, row: None };
        Ok((seal, head.bytes().to_vec()))
    }

    /// Of a tape that has this head.
    pub(super) fn open(
        head: &[u8],
        key: Option<&Key>,
        tape: &TapeId,
        path: &Path,
    ) -> Result<Self, TapeError> {
        let none = || TapeError::damaged(path.display(), format_args!("the head of the tape {tape} is none"));
        let head = Head::read(head).ok_or_else(none)?;
        if head.version() != VERSION {
            let why = format!("a sealed tape of version {}; use a later shadowcat", head.version());
            return Err(TapeError::version(path, why));
        }
        let key = key.ok_or_else(|| TapeError::key(path, "it is encrypted; open it with its key"))?;
        let secret = head.secret(key);
        if !head.fits(&secret) {
            let why = "this is not the key that it was made with, or the head of the tape was changed; try its own key";
            return Err(TapeError::key(path, why));
        }
        Ok(Self { secret, tape: tape.clone(), hides_names: head.hides_names(), row: None })
    }

    pub(super) fn hides_names(&self) -> bool {
        self.hides_names
    }

    /// For the chain that a sealed tape always has.
    pub(super) fn chain(&self) -> Key {
        self.secret.chain_of(self.tape.as_str().as_bytes())
    }

    /// A new key from here on.
    pub(super) fn renew(&mut self) {
        self.row = None;
    }

    pub(super) fn row(&mut self, frame: i64, bound: &[u8], message: &[u8]) -> io::Result<Vec<u8>> {
        let (salt, key) = match self.row.take() {
            Some(row) => row,
            None => self.key(ROW, random()?),
        };
        let sealed = seal(&key, &salt, frame, bound, message);
        self.row = Some((salt, key));
        sealed
    }

    /// `None` if it is not what was sealed.
    pub(super) fn open_row(&mut self, frame: i64, bound: &[u8], message: Vec<u8>) -> Option<Vec<u8>> {
        let salt = *message.last_chunk()?;
        let (salt, key) = match self.row.take() {
            Some((known, key)) if known == salt => (salt, key),
            _ => self.key(ROW, salt),
        };
        let opened = open(&key, frame, bound, message);
        self.row = Some((salt, key));
        opened
    }

    pub(super) fn title(&self, bound: &[u8], metadata: &[u8]) -> io::Result<Vec<u8>> {
        let (salt, key) = self.key(TITLE, random()?);
        seal(&key, &salt, 0, bound, metadata)
    }

    /// `None` if it is not what was sealed.
    pub(super) fn open_title(&self, bound: &[u8], sealed: Vec<u8>) -> Option<Vec<u8>> {
        let (_, key) = self.key(TITLE, *sealed.last_chunk()?);
        open(&key, 0, bound, sealed)
    }

    fn key(&self, label: &[u8; 20], salt: [u8; SALT]) -> ([u8; SALT], LessSafeKey) {
        (salt, self.secret.key_of(label, &salt, self.tape.as_str().as_bytes()))
    }
}

fn seal(key: &LessSafeKey, salt: &[u8; SALT], frame: i64, bound: &[u8], text: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() + TAIL);
    out.extend_from_slice(text);
    let tag = key.seal_in_place_separate_tag(nonce(frame), Aad::from(bound), &mut out);
    out.extend_from_slice(tag.map_err(|_| io::Error::other("a row cannot be sealed"))?.as_ref());
    out.extend_from_slice(salt);
    Ok(out)
}

fn open(key: &LessSafeKey, frame: i64, bound: &[u8], mut sealed: Vec<u8>) -> Option<Vec<u8>> {
    let end = sealed.len().checked_sub(SALT)?;
    let length = key.open_in_place(nonce(frame), Aad::from(bound), &mut sealed[..end]).ok()?.len();
    sealed.truncate(length);
    Some(sealed)
}

fn nonce(frame: i64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&frame.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").field("tape", &self.tape).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new([7; 32])
    }

    fn id(text: &str) -> TapeId {
        TapeId::from_text(text)
    }

    /// The seal of a new tape, and its head.
    fn new() -> (Seal, Vec<u8>) {
        Seal::new(&key(), &id("t"), false).unwrap()
    }

    fn again(head: &[u8], tape: &str) -> Seal {
        Seal::open(head, Some(&key()), &id(tape), Path::new("a.db")).unwrap()
    }

    #[test]
    fn a_row_opens_in_its_own_place_of_its_own_tape_only() {
        let (mut seal, head) = new();
        let sealed = seal.row(5, b"bound", b"text").unwrap();
        assert_eq!(sealed.len(), 4 + TAIL);
        let opened = |tape, frame, bound| again(&head, tape).open_row(frame, bound, sealed.clone());
        assert_eq!(opened("t", 5, b"bound").as_deref(), Some(&b"text"[..]));
        assert_eq!(opened("t", 6, b"bound"), None);
        assert_eq!(opened("t", 5, b"bounD"), None);
        assert_eq!(opened("u", 5, b"bound"), None);
        let (mut other, _) = new();
        assert_eq!(other.open_row(5, b"bound", sealed.clone()), None);
        assert_eq!(again(&head, "t").open_title(b"bound", sealed.clone()), None);
    }

    #[test]
    fn a_row_with_any_byte_changed_or_missing_does_not_open() {
        let (mut seal, _) = new();
        let sealed = seal.row(5, b"", b"text").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(seal.open_row(5, b"", changed), None, "byte {at}");
            assert_eq!(seal.open_row(5, b"", sealed[..at].to_vec()), None, "{at} bytes");
        }
        assert_eq!(seal.open_row(5, b"", sealed).as_deref(), Some(&b"text"[..]));
    }

    /// The same text under the same number: under one key it would be the same bytes.
    #[test]
    fn no_two_writers_and_no_two_attempts_have_one_key() {
        let (mut seal, head) = new();
        let first = seal.row(1, b"", b"text").unwrap();
        seal.renew();
        let (second, third) =
            (seal.row(1, b"", b"text").unwrap(), again(&head, "t").row(1, b"", b"text").unwrap());
        assert!(first[..4] != second[..4] || first[4..] != second[4..]);
        let salts = [&first, &second, &third].map(|sealed| sealed[sealed.len() - SALT..].to_vec());
        assert!(salts[0] != salts[1] && salts[1] != salts[2] && salts[0] != salts[2]);
        let more = seal.row(2, b"", b"text").unwrap();
        assert_eq!(more[more.len() - SALT..], salts[1]);
    }

    #[test]
    fn another_key_and_another_version_are_told() {
        let (_, head) = new();
        let open = |head: &[u8], key: Option<Key>| {
            Seal::open(head, key.as_ref(), &id("t"), Path::new("a.db")).unwrap_err()
        };
        assert!(open(&head, None).is_key());
        assert!(open(&head, Some(Key::new([8; 32]))).is_key());
        let mut later = head.clone();
        later[16] = 2;
        assert!(open(&later, Some(key())).is_version());
        assert!(open(&head[1..], Some(key())).is_damaged());
    }
}
