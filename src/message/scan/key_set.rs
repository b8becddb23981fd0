//! Which keys an object has had, without hashing or allocating for ordinary objects.

use std::borrow::Cow;
use std::cell::Cell;

use super::super::text;
use super::block::{Block, first, special, word};

/// How many keys of one object are compared with each other; objects with more are sorted when they close.
const FEW: usize = 64;
/// How much room a thread keeps for its next message: 16 KiB. Ordinary messages need a tenth of it.
const SPARE: usize = 1024;

thread_local! {
    /// The room that the thread's last scan left, so that ordinary messages cost no allocation.
    static ROOM: Cell<Vec<Slot>> = const { Cell::new(Vec::new()) };
}

/// The keys of the open objects: one stack for all of them, the innermost object's on top.
///
/// Equal fingerprints are settled by comparing the keys, so a peer that forges collisions gains nothing but a
/// few comparisons: at most `FEW` per key, or a sort.
pub(super) struct KeySet {
    slots: Vec<Slot>,
    /// Where the innermost object's keys start. The slot below holds the enclosing object's `start` and `bits`.
    start: usize,
    /// One bit for each key of the innermost object, a hash of its fingerprint: most new keys find theirs
    /// unset and need no comparison.
    bits: u64,
}

/// A key's fingerprint, and where the key starts behind its quote.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    print: u64,
    start: u32,
}

impl KeySet {
    pub(super) fn new() -> Self {
        Self { slots: ROOM.try_with(Cell::take).unwrap_or_default(), start: 0, bits: 0 }
    }

    /// An object opens.
    #[inline(always)]
    pub(super) fn open(&mut self) {
        self.slots.push(Slot { print: self.bits, start: self.start as u32 });
        (self.start, self.bits) = (self.slots.len(), 0);
    }

    /// The innermost object closes. Returns where a key stands that it had before, if it had too many keys to
    /// tell at once.
    #[inline(always)]
    pub(super) fn close(&mut self, bytes: &[u8]) -> Option<usize> {
        let twice = if self.slots.len() - self.start > FEW { self.repeated(bytes) } else { None };
        self.slots.truncate(self.start);
        let enclosing = self.slots.pop().unwrap_or_default();
        (self.start, self.bits) = (enclosing.start as usize, enclosing.print);
        twice
    }

    /// Adds a key to the innermost object; true if it is there already and the object has few keys.
    #[inline(always)]
    pub(super) fn insert(&mut self, bytes: &[u8], print: u64, start: usize) -> bool {
        let slot = Slot { print, start: start as u32 };
        let bit = 1 << (print.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58);
        let twice = self.bits & bit != 0 && self.is_known(bytes, slot);
        self.bits |= bit;
        self.slots.push(slot);
        twice
    }

    /// Two keys with one fingerprint are nearly always one key, and then the message is refused.
    #[inline(never)]
    fn is_known(&self, bytes: &[u8], new: Slot) -> bool {
        let keys = self.slots.get(self.start..).unwrap_or_default();
        let mut same = keys.iter().filter(|key| key.print == new.print);
        keys.len() < FEW && same.any(|key| text_at(bytes, key.start) == text_at(bytes, new.start))
    }

    /// Where the innermost object repeats a key. Sorting is safe from forged collisions and, for objects of
    /// any size, faster than a keyed hash.
    #[inline(never)]
    fn repeated(&mut self, bytes: &[u8]) -> Option<usize> {
        let keys = self.slots.get_mut(self.start..).unwrap_or_default();
        keys.sort_unstable();
        let same = keys.chunk_by(|a, b| a.print == b.print).filter(|run| run.len() > 1);
        same.filter_map(|run| repeated_text(bytes, run)).min()
    }
}

impl Drop for KeySet {
    fn drop(&mut self) {
        if self.slots.capacity() <= SPARE {
            self.slots.clear();
            let room = std::mem::take(&mut self.slots);
            let _ = ROOM.try_with(|spare| spare.set(room));
        }
    }
}

/// The first place in a run of keys with one fingerprint where a key stands that stood before.
#[cold]
fn repeated_text(bytes: &[u8], run: &[Slot]) -> Option<usize> {
    let mut keys: Vec<_> = run.iter().map(|key| (text_at(bytes, key.start), key.start)).collect();
    keys.sort_unstable();
    keys.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[1].1 as usize).min()
}

/// The decoded key that starts at `start`, behind its quote. The scanner has passed it.
fn text_at(bytes: &[u8], start: u32) -> Cow<'_, str> {
    let rest = bytes.get(start as usize..).unwrap_or_default();
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
    match key.len() {
        0..=8 => word(key, 0),
        length @ 9..=16 => mix(word(key, 0), word(key, length - 8)),
        length => {
            let words = (0..length - 8).step_by(8).map(|at| word(key, at));
            mix(words.fold(length as u64, mix), word(key, length - 8))
        }
    }
}

impl Block {
    /// The length and the fingerprint of a key that starts the block and ends in it. If it does not end in
    /// it, or has escapes, then no quote stands at that length.
    #[inline(always)]
    pub(super) fn short_key(self) -> (usize, u64) {
        let low = special(self.low);
        if low != 0 {
            return (first(low), self.low & below(low));
        }
        let high = special(self.high);
        let length = 8 + first(high); // 16 if there is none
        if length == 8 {
            return (8, self.low);
        }
        // The last eight bytes; with the first eight they are all there is.
        let whole = u128::from(self.high) << 64 | u128::from(self.low);
        (length, mix(self.low, (whole >> (8 * (length - 8))) as u64))
    }
}

/// All bits of the bytes below the first special one.
#[inline(always)]
fn below(special: u64) -> u64 {
    (special ^ (special - 1)) >> 8
}

#[inline(always)]
fn mix(state: u64, word: u64) -> u64 {
    let product = u128::from(state ^ 0x9e37_79b9_7f4a_7c15) * u128::from(word ^ 0xd1b5_4a32_d192_ed03);
    (product as u64) ^ ((product >> 64) as u64)
}
