//! A MAC (HMAC-SHA-256) for each row, over the row and the MAC before it, and one for how the tape ends.
//!
//! The first row follows a MAC over the tape's id and what [came before](crate::tape::rotating::Before) the tape. In the
//! table `chains` stand a MAC of what is known of the tape, that of the last row, and one over both, the number of the last
//! frame, and whether the recorder finished there. So the end cannot be cut off without putting back an older copy of it.
//!
//! A sealed tape always has such a chain, under a key that comes from its own; the MACs of its rows are written nowhere.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::place;
use super::seal::TAIL;
use crate::key::{Hash, Key};
use crate::tape::{TapeError, TapeId};

/// These set the MACs apart from each other, and from others under the same key.
const BEGIN: &[u8] = b"shadowcat sqlite begin\0";
const ROW: &[u8] = b"shadowcat sqlite row\0";
const TITLE: &[u8] = b"shadowcat sqlite title\0";
const END: &[u8] = b"shadowcat sqlite end\0";

/// Of a row.
pub(super) const NO_MAC: &str =
    "it has no MAC: somebody else wrote it, or the tape has no chain; then read it without the chain's key";
/// The same.
pub(super) const OTHER_ROW: &str = "its MAC is another: it was changed, frames before it were removed or added, or the key is not the chain's; trust \
     only what stands before it";

/// Whose chain it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// That of a sealed tape.
    Seal,
    /// That which was asked for.
    Chain,
}

impl Of {
    fn as_str(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Chain => "chain",
        }
    }
}

/// Where a chain stands.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) of: Of,
    key: Key,
    /// The MAC of the last row.
    pub(super) tip: Hash,
    /// That of what is known of the tape.
    title: Hash,
    /// That of the end, as it stands in the file.
    pub(super) end: Hash,
}

/// What the file says of where a chain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    title: Hash,
    tip: Hash,
    pub(super) is_finished: bool,
    pub(super) mac: Hash,
    /// The last frame that there is, 0 where there is none.
    pub(super) last: i64,
}

impl Chain {
    /// Before the first row.
    pub(super) fn new(of: Of, key: &Key, tape: &TapeId, follows: Option<Hash>) -> Self {
        let tip = key.mac(&[BEGIN, &follows.unwrap_or_default(), tape.as_str().as_bytes()]);
        Self { of, key: key.clone(), tip, title: [0; 32], end: [0; 32] }
    }

    /// Behind the last row.
    pub(super) fn at(mut self, end: &End) -> Self {
        (self.tip, self.title, self.end) = (end.tip, end.title, end.mac);
        self
    }

    /// Takes a row: `bound` is what stands before the message.
    pub(super) fn row(&mut self, bound: &[u8], message: &[u8]) -> Hash {
        let message = match self.of {
            // The tag at its end is over the rest.
            Of::Seal => &message[message.len().saturating_sub(TAIL)..],
            Of::Chain => message,
        };
        self.tip = self.key.mac(&[ROW, &self.tip, bound, message]);
        self.tip
    }

    /// Takes what is known of the tape.
    pub(super) fn title(&mut self, bound: &[u8]) {
        self.title = self.key.mac(&[TITLE, bound]);
    }

    fn mac(&self, title: &Hash, tip: &Hash, last: i64, is_finished: bool) -> Hash {
        self.key.mac(&[END, title, tip, &last.to_be_bytes(), &[u8::from(is_finished)]])
    }

    /// Whether the file says it as its writer did.
    pub(super) fn holds(&self, end: &End) -> bool {
        self.mac(&end.title, &end.tip, end.last, end.is_finished) == end.mac
    }

    /// Whether this is what is known of the tape.
    pub(super) fn is_titled(&self, bound: &[u8], end: &End) -> bool {
        self.key.mac(&[TITLE, bound]) == end.title
    }

    /// Whether all rows up to there are those that were taken.
    pub(super) fn came_to(&self, end: &End) -> bool {
        self.tip == end.tip
    }

    /// What the file says.
    pub(super) fn read(&self, db: &Connection, tape: i64) -> rusqlite::Result<Option<End>> {
        read(db, tape, self.of)
    }

    /// Writes where it ends, and tells the MAC of that.
    pub(super) fn write(
        &self,
        db: &Connection,
        tape: i64,
        last: i64,
        is_finished: bool,
    ) -> rusqlite::Result<Hash> {
        let end = self.mac(&self.title, &self.tip, last, is_finished);
        let sql =
            "INSERT OR REPLACE INTO chains (tape, of, title, tip, finished, mac) VALUES (?, ?, ?, ?, ?, ?)";
        let row = params![tape, self.of.as_str(), self.title, self.tip, is_finished, end];
        db.prepare_cached(sql)?.execute(row)?;
        Ok(end)
    }
}

/// What a file says of a chain, with the last frame of that moment; `None` where it has none.
pub(super) fn read(db: &Connection, tape: i64, of: Of) -> rusqlite::Result<Option<End>> {
    let sql = "SELECT title, tip, finished, mac, (SELECT max(id) FROM recordings WHERE id BETWEEN ? AND ?)
        FROM chains WHERE tape = ? AND of = ?";
    let rows = place::rows(tape);
    let end = |row: &Row<'_>| {
        let (title, tip, is_finished, mac) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        Ok(End { title, tip, is_finished, mac, last: row.get::<_, Option<i64>>(4)?.map_or(0, place::frame) })
    };
    let values = params![rows.start(), rows.end(), tape, of.as_str()];
    db.prepare_cached(sql)?.query_row(values, end).optional()
}

/// The file has no such chain.
pub(super) fn none(of: Of, path: &Path) -> TapeError {
    TapeError::damaged(
        path.display(),
        match of {
            Of::Seal => "what says where a sealed tape ends is missing: it was removed; trust nothing of it",
            Of::Chain => NO_MAC,
        },
    )
}

/// What is known of the tape is not what was bound.
pub(super) fn other_title(path: &Path) -> TapeError {
    let place = format!("{}: what is known of the tape", path.display());
    TapeError::damaged(place, "its MAC is another: it was changed, or the key is not the chain's")
}

/// The end is not what was bound, or does not follow what was read.
pub(super) fn other_end(path: &Path) -> TapeError {
    let place = format!("{}: its end", path.display());
    let why = "its MAC is another: frames were removed, added or put back as they had been before, or the key is not the \
               chain's; compare it with a copy that you trust";
    TapeError::damaged(place, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(tape: &str, follows: Option<Hash>) -> Chain {
        Chain::new(Of::Chain, &Key::new([1; 32]), &TapeId::from_text(tape), follows)
    }

    fn end(chain: &Chain) -> End {
        let mac = chain.mac(&chain.title, &chain.tip, 2, true);
        End { title: chain.title, tip: chain.tip, is_finished: true, mac, last: 2 }
    }

    #[test]
    fn a_chain_is_of_its_tape_and_its_part_and_of_each_row_in_its_place() {
        let tip =
            |mut chain: Chain, rows: &[&[u8]]| rows.iter().fold(chain.tip, |_, row| chain.row(row, b""));
        let whole = tip(chain("t", None), &[b"1", b"2"]);
        assert_eq!(whole, tip(chain("t", None), &[b"1", b"2"]));
        assert_ne!(whole, tip(chain("t", None), &[b"2", b"1"]));
        assert_ne!(whole, tip(chain("t", None), &[b"2"]));
        assert_ne!(whole, tip(chain("u", None), &[b"1", b"2"]));
        assert_ne!(whole, tip(chain("t", Some([9; 32])), &[b"1", b"2"]));
    }

    #[test]
    fn an_end_is_of_its_last_frame_its_title_and_its_finish() {
        let mut chain = chain("t", None);
        chain.title(b"title");
        chain.row(b"1", b"message");
        let end = end(&chain);
        assert!(chain.holds(&end) && chain.came_to(&end) && chain.is_titled(b"title", &end));
        for changed in [
            End { last: 1, ..end },
            End { is_finished: false, ..end },
            End { tip: [0; 32], ..end },
            End { title: [0; 32], ..end },
            End { mac: [0; 32], ..end },
        ] {
            assert!(!chain.holds(&changed), "{changed:?}");
        }
        assert!(!chain.is_titled(b"another", &end));
    }
}
