//! Sixteen bytes at a time.

const SIZE: usize = 16;

/// Sixteen bytes of a message as two little-endian words; zeros stand in for what lies behind its end.
///
/// A zero is no legal byte between tokens and none inside a string, so nothing that looks at a block needs to
/// know where the message ends.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub(super) low: u64,
    pub(super) high: u64,
}

impl Block {
    pub(super) const SIZE: usize = SIZE;

    #[inline(always)]
    pub(super) fn read(bytes: &[u8], at: usize) -> Self {
        match bytes.get(at..).and_then(|rest| rest.first_chunk()) {
            Some(chunk) => Self::new(chunk),
            None => Self::tail(bytes, at),
        }
    }

    #[inline(never)]
    fn tail(bytes: &[u8], at: usize) -> Self {
        let rest = bytes.get(at..).unwrap_or_default();
        let mut chunk = [0; SIZE];
        for (to, from) in chunk.iter_mut().zip(rest) {
            *to = *from;
        }
        Self::new(&chunk)
    }

    #[inline(always)]
    fn new(chunk: &[u8; SIZE]) -> Self {
        let whole = u128::from_le_bytes(*chunk);
        Self { low: whole as u64, high: (whole >> 64) as u64 }
    }

    /// One bit for each byte that a string cannot simply hold: quotes, backslashes and control characters.
    #[inline(always)]
    pub(super) fn specials(self) -> u32 {
        word(self.low) | word(self.high) << 8
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

#[inline(always)]
fn word(word: u64) -> u32 {
    let equals = |byte: u8| zero_bytes(word ^ (ONES * u64::from(byte)));
    let controls = zero_bytes(word & (ONES * 0xe0));
    // Each flag is the top bit of its byte; the product gathers the eight of them in the top byte.
    let flags = (equals(b'"') | equals(b'\\') | controls) >> 7;
    (flags.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
}

/// The top bit of each byte that is zero. Exact: no carry crosses a byte.
#[inline(always)]
fn zero_bytes(word: u64) -> u64 {
    !(((word & !HIGHS) + !HIGHS) | word) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_string_cannot_simply_hold_is_special() {
        for byte in 0..=255_u8 {
            for at in 0..SIZE {
                let mut chunk = *b"plain text here\xff";
                chunk[at] = byte;
                let block = Block::new(&chunk);
                let special = byte < 0x20 || matches!(byte, b'"' | b'\\');
                assert_eq!(block.specials(), u32::from(special) << at, "{byte:#x} at {at}");
            }
        }
    }

    #[test]
    fn behind_the_end_stand_zeros() {
        let block = Block::read(b"ab", 1);
        assert_eq!((block.low, block.high), (u64::from(b'b'), 0));
        assert_eq!(Block::read(b"ab", 7).specials(), 0xffff);
    }
}
