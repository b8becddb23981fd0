//! Where a frame stands: its tape and its number are its row's `id`, so that no index need be kept to find it.

use std::ops::RangeInclusive;

/// Of an `id`, for the number of the frame: more than a year of a million frames a second.
pub(super) const FRAME_BITS: u32 = 40;
const FRAMES: i64 = 1 << FRAME_BITS;
/// Behind every frame.
pub(super) const PAST: i64 = FRAMES;
/// The number of a tape, at most: an `id` is positive.
const MAX_TAPE: i64 = (i64::MAX >> FRAME_BITS) - 1;
/// So many frames are a block, of which indexes know what is in it.
pub(super) const BLOCK_BITS: u32 = 6;

/// Whether a tape can have that number.
pub(super) fn is_tape(number: i64) -> bool {
    (1..=MAX_TAPE).contains(&number)
}

/// One before the first frame is -1.
pub(super) fn id(tape: i64, frame: i64) -> i64 {
    tape * FRAMES + frame
}

pub(super) fn frame(id: i64) -> i64 {
    id & (FRAMES - 1)
}

pub(super) fn block(id: i64) -> i64 {
    id >> BLOCK_BITS
}

/// The rows of a tape.
pub(super) fn rows(tape: i64) -> RangeInclusive<i64> {
    id(tape, 0)..=id(tape, FRAMES - 1)
}

/// The rows of a block.
pub(super) fn rows_of_block(block: i64) -> RangeInclusive<i64> {
    let first = block << BLOCK_BITS;
    first..=first + (1 << BLOCK_BITS) - 1
}

/// The blocks of a tape.
pub(super) fn blocks(tape: i64) -> RangeInclusive<i64> {
    let rows = rows(tape);
    block(*rows.start())..=block(*rows.end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::sqlite::schema::{self, VERSION};

    #[test]
    fn the_tables_compute_it_as_we_do() {
        let mut db = rusqlite::Connection::open_in_memory().unwrap();
        schema::bring_to(&mut db, 0, VERSION).unwrap();
        db.execute("INSERT INTO recordings (id) VALUES (?)", [id(5, 7)]).unwrap();
        let computed = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        assert_eq!(db.query_row("SELECT tape, frame FROM recordings", [], computed), Ok((5, 7)));
    }

    #[test]
    fn no_row_and_no_block_is_of_two_tapes() {
        for tape in [1, 2, MAX_TAPE] {
            assert!(is_tape(tape));
            assert_eq!((rows(tape).start() >> FRAME_BITS, rows(tape).end() >> FRAME_BITS), (tape, tape));
            assert_eq!(rows_of_block(*blocks(tape).start()).start(), rows(tape).start());
            assert_eq!(rows_of_block(*blocks(tape).end()).end(), rows(tape).end());
            assert_eq!(frame(id(tape, 7)), 7);
        }
        assert_eq!(*rows(1).end() + 1, *rows(2).start());
        assert!(rows(MAX_TAPE).end().checked_add(1).is_some());
        assert!(!is_tape(0) && !is_tape(MAX_TAPE + 1));
    }
}
