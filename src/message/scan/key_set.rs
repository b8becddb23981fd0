//! Which keys an object has had, without hashing or allocating for ordinary objects.

use std::borrow::Cow;

use super::super::text;
use super::block::Block;

/// How many keys of one object are compared with each other; objects with more are sorted when they close.
const FEW: usize = 32;
/// How many keys of all open objects together need no allocation.
const INLINE: usize = 64;

/// The keys of the open objects: one stack for all of them, the innermost object's on top.
///
/// A key is its fingerprint and where it stands. Equal fingerprints are settled by comparing the keys, so a
/// peer that forges collisions gains nothing but a few comparisons: at most `FEW` per key, or a sort.
pub(super) struct KeySet {
    inline: Slots<[u64; INLINE], [u32; INLINE]>,
    heap: Slots<Vec<u64>, Vec<u32>>,
    /// Where the innermost object's keys start. The slot below holds the enclosing object's start.
    start: usize,
    len: usize,
    capacity: usize,
}

struct Slots<P, S> {
    prints: P,
    starts: S,
}

impl KeySet {
    pub(super) fn new() -> Self {
        Self {
            inline: Slots { prints: [0; INLINE], starts: [0; INLINE] },
            heap: Slots { prints: Vec::new(), starts: Vec::new() },
            start: 0,
            len: 0,
            capacity: INLINE,
        }
    }

    /// An object opens.
    #[inline(always)]
    pub(super) fn open(&mut self) {
        self.push(self.start as u64, 0);
        self.start = self.len;
    }

    /// The innermost object closes. Returns where a key stands that it had before, if it had too many keys to
    /// tell at once.
    #[inline(always)]
    pub(super) fn close(&mut self, bytes: &[u8]) -> Option<usize> {
        let twice = if self.len - self.start > FEW { self.repeated(bytes) } else { None };
        self.len = self.start.saturating_sub(1);
        self.start = self.prints().get(self.len).map_or(0, |start| *start as usize);
        twice
    }

    /// Adds a key to the innermost object; true if it is there already and the object has few keys.
    #[inline(always)]
    pub(super) fn insert(&mut self, bytes: &[u8], print: u64, start: usize) -> bool {
        let few = self.len - self.start < FEW;
        let known =
            few && self.prints().get(self.start..self.len).is_some_and(|known| known.contains(&print));
        let twice = known && self.is_known(bytes, print, start);
        self.push(print, start as u32);
        twice
    }

    #[inline(always)]
    fn push(&mut self, print: u64, start: u32) {
        if self.len == self.capacity {
            self.grow();
        }
        let len = self.len;
        let (prints, starts) = self.slots();
        if let (Some(to), Some(at)) = (prints.get_mut(len), starts.get_mut(len)) {
            (*to, *at) = (print, start);
        }
        self.len += 1;
    }

    #[cold]
    fn grow(&mut self) {
        if self.capacity == INLINE {
            self.heap.prints.extend_from_slice(&self.inline.prints);
            self.heap.starts.extend_from_slice(&self.inline.starts);
        }
        self.capacity *= 2;
        self.heap.prints.resize(self.capacity, 0);
        self.heap.starts.resize(self.capacity, 0);
    }

    #[inline(always)]
    fn prints(&self) -> &[u64] {
        if self.capacity == INLINE { &self.inline.prints } else { &self.heap.prints }
    }

    #[inline(always)]
    fn slots(&mut self) -> (&mut [u64], &mut [u32]) {
        if self.capacity == INLINE {
            (&mut self.inline.prints, &mut self.inline.starts)
        } else {
            (&mut self.heap.prints, &mut self.heap.starts)
        }
    }

    /// Two keys with one fingerprint are nearly always one key, and then the message is refused.
    #[cold]
    fn is_known(&mut self, bytes: &[u8], print: u64, start: usize) -> bool {
        let (from, to) = (self.start, self.len);
        let text = text_at(bytes, start);
        let (prints, starts) = self.slots();
        prints[from..to]
            .iter()
            .zip(&starts[from..to])
            .any(|(known, at)| *known == print && text_at(bytes, *at as usize) == text)
    }

    /// Where the innermost object repeats a key. Sorting is safe from forged collisions and, for objects of
    /// any size, faster than a keyed hash.
    #[inline(never)]
    fn repeated(&mut self, bytes: &[u8]) -> Option<usize> {
        let (from, to) = (self.start, self.len);
        let (prints, starts) = self.slots();
        let mut keys: Vec<(u64, u32)> =
            prints[from..to].iter().copied().zip(starts[from..to].iter().copied()).collect();
        keys.sort_unstable();
        let same = keys.chunk_by(|a, b| a.0 == b.0).filter(|run| run.len() > 1);
        same.filter_map(|run| repeated_text(bytes, run)).min()
    }
}

/// The first place in a run of keys with one fingerprint where a key stands that stood before.
#[cold]
fn repeated_text(bytes: &[u8], run: &[(u64, u32)]) -> Option<usize> {
    let mut keys: Vec<_> = run.iter().map(|key| (text_at(bytes, key.1 as usize), key.1)).collect();
    keys.sort_unstable();
    keys.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[1].1 as usize).min()
}

/// The decoded key that starts at `start`, behind its quote. The scanner has passed it.
fn text_at(bytes: &[u8], start: usize) -> Cow<'_, str> {
    let rest = bytes.get(start..).unwrap_or_default();
    let mut end = 0;
    let mut escaped = false;
    while let Some(step) = memchr::memchr2(b'"', b'\\', rest.get(end..).unwrap_or_default()) {
        end += step;
        if rest[end] == b'"' {
            break;
        }
        escaped = true;
        end += 2;
    }
    text::decode(rest.get(..end).and_then(|key| std::str::from_utf8(key).ok()).unwrap_or_default(), escaped)
}

/// Sixty-four bits of a decoded key: the key itself up to eight bytes, a mixture of all its bytes beyond.
pub(super) fn fingerprint(key: &[u8]) -> u64 {
    let head = Block::read(key, 0);
    if key.len() <= Block::SIZE {
        return head.fingerprint(key.len());
    }
    let chunks = key.chunks(8).map(|chunk| Block::read(chunk, 0).low);
    chunks.fold(key.len() as u64, mix)
}

impl Block {
    /// The fingerprint of a key that is the block's first `length` bytes, whatever stands behind them.
    #[inline(always)]
    pub(super) fn fingerprint(self, length: usize) -> u64 {
        if length < 8 {
            return self.low & !(u64::MAX << (8 * length));
        }
        if length == 8 {
            return self.low;
        }
        // The last eight bytes; with the first eight they are all there is.
        let whole = u128::from(self.high) << 64 | u128::from(self.low);
        mix(self.low, (whole >> (8 * (length - 8))) as u64)
    }
}

#[inline(always)]
fn mix(state: u64, word: u64) -> u64 {
    let product = u128::from(state ^ 0x9e37_79b9_7f4a_7c15) * u128::from(word ^ 0xd1b5_4a32_d192_ed03);
    (product as u64) ^ ((product >> 64) as u64)
}
