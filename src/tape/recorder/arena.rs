//! Memory for the bytes of small messages.

use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};

/// Asked for at once.
pub(super) const BLOCK: usize = 64 << 10;

/// Many messages share a block, as they come. They are freed by the thread that has written them: where each had memory
/// of its own, both threads would lock what it was taken from, again and again. It goes in the order in which it came,
/// so that of what is written no more than a block stays.
#[derive(Default)]
pub(super) struct Arena(Mutex<BytesMut>);

impl Arena {
    /// A copy of what is small.
    pub(super) fn copy(&self, bytes: &[u8]) -> Bytes {
        let mut block = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if block.capacity() < bytes.len() {
            *block = BytesMut::with_capacity(BLOCK.max(bytes.len()));
        }
        block.extend_from_slice(bytes);
        block.split().freeze()
    }

    /// All that was said is written: no memory is kept for what comes.
    pub(super) fn rest(&self) {
        let block = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        drop(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_stands_side_by_side_and_stays_as_it_is() {
        let arena = Arena::default();
        let (one, two) = (arena.copy(b"one"), arena.copy(b"two"));
        assert_eq!(two.as_ptr() as usize, one.as_ptr() as usize + 3);
        let rest = arena.copy(&[b'x'; BLOCK - 6]);
        let (other, large) = (arena.copy(b"three"), arena.copy(&[b'y'; BLOCK + 1]));
        drop(rest);
        arena.rest();
        assert_eq!(arena.0.lock().unwrap().capacity(), 0);
        assert_eq!((&one[..], &two[..], &other[..]), (&b"one"[..], &b"two"[..], &b"three"[..]));
        assert!(large.iter().all(|byte| *byte == b'y'));
        assert_eq!(arena.copy(b"four"), "four");
    }
}
