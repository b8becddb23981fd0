//! Sixteen bytes at a time, without a line of unsafe code.

/// Sixteen bytes of a message as two little-endian words; zeros stand in for what lies behind its end.
///
/// A zero is no legal byte between tokens and none inside a string, so nothing that looks at a block needs to
/// know where the message ends.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub(super) low: u64,
    pub(super) high: u64,
}

const ONES: u64 = 0x0101_0101_0101_0101;
/// The top bit of each byte: set where a byte is no ASCII.
pub(super) const TOPS: u64 = ONES << 7;

impl Block {
    pub(super) const SIZE: usize = 16;

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
        let mut chunk = [0; Self::SIZE];
        for (to, from) in chunk.iter_mut().zip(rest) {
            *to = *from;
        }
        Self::new(&chunk)
    }

    #[inline(always)]
    fn new(chunk: &[u8; Self::SIZE]) -> Self {
        let whole = u128::from_le_bytes(*chunk);
        Self { low: whole as u64, high: (whole >> 64) as u64 }
    }

    /// One bit for each byte that a string cannot simply hold.
    #[inline(always)]
    pub(super) fn specials(self) -> u32 {
        // The product gathers the eight marks of a word in its top byte.
        let gather = |marks: u64| ((marks >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32;
        gather(specials(self.low)) | gather(specials(self.high)) << 8
    }

    /// The place of the first byte that a string cannot simply hold, or the block's size.
    #[inline(always)]
    pub(super) fn first_special(self) -> usize {
        let low = special(self.low);
        if low != 0 { first(low) } else { 8 + first(special(self.high)) }
    }
}

/// The lowest bit that is set marks the first byte of `word` that a string cannot simply hold: a quote, a
/// backslash or a control character. Zero if there is none. Bits above the lowest one mean nothing.
#[inline(always)]
pub(super) fn special(word: u64) -> u64 {
    // Flipping bit 1 moves the quote, 0x22, next to the control characters: one comparison finds both.
    let quotes_and_controls = (word ^ (ONES * 2)).wrapping_sub(ONES * 0x21);
    let backslashes = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    (quotes_and_controls | backslashes) & !word & TOPS
}

/// The same with the top bit of every such byte, and no other bit: exact, and a little slower.
#[inline(always)]
fn specials(word: u64) -> u64 {
    // The sums stay within their bytes; a byte's top bit is set by them where it is above the limit.
    let above = |word: u64, limit: u64| (word & !TOPS) + ONES * (0x7f - limit);
    let quotes_and_controls = above(word ^ (ONES * 2), 0x20);
    let backslashes = above(word ^ (ONES * 0x5c), 0);
    !((quotes_and_controls & backslashes) | word) & TOPS
}

/// The place of the byte that holds the lowest bit of `marks`; 8 if there is none.
#[inline(always)]
pub(super) fn first(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// Eight bytes, with zeros for what lies behind the end.
#[inline(always)]
pub(super) fn word(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => Block::tail(bytes, at).low,
    }
}

/// The start of `bytes` that a string can simply hold, in steps of 32 bytes, and whether it is ASCII. The
/// compiler makes vector instructions of this.
#[inline(never)]
pub(super) fn plain(bytes: &[u8]) -> (usize, bool) {
    let (mut length, mut ascii) = (0, true);
    for chunk in bytes.chunks_exact(32) {
        let special = |byte: u8| ((byte ^ 2) < 0x21) | (byte == b'\\');
        if chunk.iter().fold(false, |any, byte| any | special(*byte)) {
            break;
        }
        ascii &= chunk.is_ascii();
        length += chunk.len();
    }
    (length, ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_special(byte: u8) -> bool {
        byte < 0x20 || matches!(byte, b'"' | b'\\')
    }

    #[test]
    fn the_first_byte_that_a_string_cannot_simply_hold_is_found() {
        for byte in 0..=255_u8 {
            for at in 0..16 {
                let mut chunk = *b"a !\x7f\xff\xa2#]\x80\xdczy\"\\\x01 ";
                chunk[..=at].fill(b'#');
                chunk[at] = byte;
                let block = Block::new(&chunk);
                let expected = chunk.iter().position(|byte| is_special(*byte));
                assert_eq!(block.first_special(), expected.unwrap_or(16), "{byte:#x} at {at}");
                let marks =
                    chunk.iter().rev().fold(0, |marks, byte| marks << 1 | u32::from(is_special(*byte)));
                assert_eq!(block.specials(), marks);
            }
        }
    }

    #[test]
    fn plain_text_is_skipped_up_to_the_chunk_that_is_not() {
        for byte in 0..=255_u8 {
            let mut text = [b'a'; 200];
            text[130] = byte;
            let expected = if is_special(byte) { (128, true) } else { (192, byte < 0x80) };
            assert_eq!(plain(&text), expected, "{byte:#x}");
        }
        assert_eq!(plain(b"short"), (0, true));
    }

    #[test]
    fn behind_the_end_stand_zeros() {
        let block = Block::read(b"ab", 1);
        assert_eq!((block.low, block.high), (u64::from(b'b'), 0));
        assert_eq!(Block::read(b"ab", 7).first_special(), 0);
    }
}
