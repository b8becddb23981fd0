//! What is known of a tape, as its row has it.

use std::fmt;
use std::path::Path;

use rusqlite::{Row, params};

use super::bound::Bound;
use super::row;
use super::seal::Seal;
use crate::key::{Hash, hex};
use crate::tape::object::{Object, Style};
use crate::tape::rotating::Before;
use crate::tape::{Tape, TapeError, TapeId, head, lines, text, time};

/// What a row of `tapes` has beside the tape's number and id.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Title {
    session: Option<String>,
    created: i64,
    /// What anybody may know of it.
    metadata: String,
    /// Of a sealed tape: what its keys come from, and what is known of it.
    pub(super) head: Option<Vec<u8>>,
    sealed: Option<Vec<u8>>,
}

/// The columns that [`Title::read`] takes.
pub(super) const COLUMNS: &str = "session_id, created_at, metadata, head, sealed";

impl Title {
    pub(super) fn new(tape: &Tape, before: &Before) -> Self {
        Self::of(tape, before, |object| head::metadata(object, tape))
    }

    /// For a sealed tape: everything but when it began, what came before it, and its session is for its key.
    pub(super) fn sealed(
        tape: &Tape,
        before: &Before,
        head: Option<Vec<u8>>,
        seal: &Seal,
    ) -> std::io::Result<Self> {
        let mut title = Self::of(tape, before, |object| object.text("created_at", &time::utc(tape.created)));
        let mut metadata = Vec::new();
        let mut object = Object::new(&mut metadata, Style::Line);
        head::metadata(&mut object, tape);
        object.end();
        title.head = head;
        title.sealed = Some(seal.title(title.bound_to_seal().bytes(), &metadata)?);
        Ok(title)
    }

    fn of(tape: &Tape, before: &Before, write: impl FnOnce(&mut Object<'_>)) -> Self {
        let mut metadata = Vec::new();
        let mut object = Object::new(&mut metadata, Style::Line);
        write(&mut object);
        before.write(&mut object);
        object.some_text(lines::FOLLOWS, before.tip.as_ref().map(hex).as_deref());
        object.end();
        Self {
            session: tape.session.as_deref().map(str::to_owned),
            created: row::micros(tape.created),
            metadata: String::from_utf8_lossy(&metadata).into_owned(),
            head: None,
            sealed: None,
        }
    }

    /// The columns stand from `at` on.
    pub(super) fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<Self> {
        let session = row::some_text(row, at)?.map(str::to_owned);
        let (created, metadata) = (row.get(at + 1)?, row.get(at + 2)?);
        Ok(Self { session, created, metadata, head: row.get(at + 3)?, sealed: row.get(at + 4)? })
    }

    pub(super) fn write(&self, db: &rusqlite::Connection, tape: i64) -> rusqlite::Result<()> {
        let Self { session, created, metadata, head, sealed } = self;
        let sql = "UPDATE tapes SET session_id = ?, created_at = ?, metadata = ?, head = ?, sealed = ? WHERE id = ?";
        db.execute(sql, params![session, created, metadata, head, sealed, tape]).map(drop)
    }

    /// What files before this one have come to.
    pub(super) fn before(&self) -> Before {
        let tip: Option<Hash> = lines::tip_before(self.metadata.as_bytes());
        Before { tip, ..Before::read(self.metadata.as_bytes()) }
    }

    fn bound_to_seal(&self) -> Bound {
        let mut bound = Bound::default();
        bound.text(self.session.as_deref());
        bound.number(Some(self.created));
        bound.text(Some(&self.metadata));
        bound
    }

    /// All of it, for a chain.
    pub(super) fn bound(&self, tape: &TapeId) -> Bound {
        let mut bound = self.bound_to_seal();
        bound.text(Some(tape.as_str()));
        bound.blob(self.head.as_deref());
        bound.blob(self.sealed.as_deref());
        bound
    }

    /// What is known of the tape; of one that is sealed, with its keys.
    pub(super) fn tape(mut self, id: &TapeId, seal: Option<&Seal>, path: &Path) -> Result<Tape, TapeError> {
        let damaged = |why| TapeError::damaged(path.display(), why);
        let metadata = match seal {
            None => self.metadata.into_bytes(),
            Some(seal) => {
                let (bound, sealed) = (self.bound_to_seal(), self.sealed.take().unwrap_or_default());
                let changed = || {
                    damaged(format!("what is known of the tape {id} was changed, or is of another").into())
                };
                seal.open_title(bound.bytes(), sealed).ok_or_else(changed)?
            }
        };
        if !text::is_json(&metadata) {
            return Err(damaged("metadata are no JSON".into()));
        }
        let mut tape = head::metadata_of(id.clone(), &metadata).map_err(damaged)?;
        tape.session = self.session.map(Into::into);
        Ok(tape)
    }
}

impl fmt::Debug for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Title").field("metadata", &self.metadata.len()).finish_non_exhaustive()
    }
}
