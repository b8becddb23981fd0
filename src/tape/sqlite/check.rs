//! What a reader opens and checks.

use std::path::Path;

use rusqlite::{Connection, Row};

use super::bound::Bound;
use super::chain::{self, Chain, End, Of};
use super::failed::failed;
use super::find::Found;
use super::guard::chains;
use super::row;
use super::seal::Seal;
use super::title::Title;
use crate::key::Hash;
use crate::tape::rotating::Before;
use crate::tape::{Entry, OpenOptions, Tape, TapeError, TapeId};

/// The seal and the chains of a tape that is read.
#[derive(Debug)]
pub(super) struct Check {
    seal: Option<Seal>,
    chains: Vec<Chain>,
    /// What the tape says that its first row follows.
    before: Before,
    /// Rows were passed over: nobody knows what they are.
    jumped: bool,
    /// What the file said of the chain that was asked for, when all was read.
    end: Option<End>,
}

impl Check {
    /// With what is known of the tape.
    pub(super) fn open(
        db: &Connection,
        path: &Path,
        found: Found,
        options: &OpenOptions,
    ) -> Result<(Self, Tape), TapeError> {
        let seal = found.seal(options.sealed_by(), path)?;
        let before = found.title.before();
        let chains = chains(seal.as_ref(), options.keys.chain.as_ref(), &found.id, before.tip);
        let check = Self { seal, chains, before, jumped: false, end: None };
        let ends = check.ends(db, found.number).map_err(|error| failed(path, error))?;
        let tape = check.tape(found.title, &found.id, &ends, options.check.is_some(), path)?;
        Ok((check, tape))
    }

    /// What is known of the tape, if it is what the chains say. Where it is asked about, their ends must hold, too: an older
    /// title with its MAC is put back easily; who decides nothing still reads a tape that lost its end.
    pub(super) fn tape(
        &self,
        title: Title,
        id: &TapeId,
        ends: &[Option<End>],
        is_asked: bool,
        path: &Path,
    ) -> Result<Tape, TapeError> {
        for (chain, end) in self.chains.iter().zip(ends) {
            let end = end.ok_or_else(|| chain::none(chain.of, path))?;
            if !chain.is_titled(title.bound(id).bytes(), &end) {
                return Err(chain::other_title(path));
            }
            if is_asked && !chain.holds(&end) {
                return Err(chain::other_end(path));
            }
        }
        title.tape(id, self.seal.as_ref(), path)
    }

    /// The number of the frame before the first, where that is bound.
    pub(super) fn frames_before(&self) -> Option<u64> {
        (!self.is_none()).then_some(self.before.frames)
    }

    /// There is nothing to open or check.
    pub(super) fn is_none(&self) -> bool {
        self.chains.is_empty()
    }

    /// Whether rows may be passed over that an index does not name.
    pub(super) fn trusts_indexes(&self) -> bool {
        let is_hidden = self.seal.as_ref().is_some_and(Seal::hides_names);
        !is_hidden && self.chains.iter().all(|chain| chain.of == Of::Seal)
    }

    pub(super) fn jump(&mut self) {
        self.jumped = true;
    }

    /// The entry of a row with the [columns that are bound](row::CHECKED).
    pub(super) fn entry(
        &mut self,
        row: &Row<'_>,
        frame: i64,
        mut entry: Entry,
    ) -> rusqlite::Result<Result<Entry, &'static str>> {
        let mut bound = Bound::default();
        bound.number(Some(frame));
        for at in row::BOUND {
            bound.value(row.get_ref(at)?);
        }
        for chain in &mut self.chains {
            let tip = chain.row(bound.bytes(), &entry.bytes);
            if chain.of == Of::Seal {
                continue;
            }
            match row.get::<_, Option<Hash>>(row::MAC)? {
                Some(mac) if mac == tip => {}
                Some(_) => return Ok(Err(chain::OTHER_ROW)),
                None => return Ok(Err(chain::NO_MAC)),
            }
        }
        if let Some(seal) = &mut self.seal {
            let Some(message) = seal.open_row(frame, bound.bytes(), entry.bytes.into()) else {
                return Ok(Err(
                    "it was changed, moved, or is of another tape; trust only what stands before it",
                ));
            };
            entry.bytes = message.into();
        }
        Ok(Ok(entry))
    }

    /// What the file says of where each chain ends.
    pub(super) fn ends(&self, db: &Connection, tape: i64) -> rusqlite::Result<Vec<Option<End>>> {
        self.chains.iter().map(|chain| chain.read(db, tape)).collect()
    }

    /// Whether that is where the reading came to.
    pub(super) fn end(&mut self, ends: Vec<Option<End>>, path: &Path) -> Result<(), TapeError> {
        let mut is_cut = false;
        for (chain, end) in self.chains.iter().zip(ends) {
            let end = end.ok_or_else(|| chain::none(chain.of, path))?;
            if !chain.holds(&end) || !self.jumped && !chain.came_to(&end) {
                return Err(chain::other_end(path));
            }
            match chain.of {
                Of::Seal => is_cut = !end.is_finished,
                Of::Chain => self.end = Some(end),
            }
        }
        // The end of a sealed tape cannot be left out unnoticed.
        let why = "it was not finished, or its end was cut off";
        if is_cut { Err(TapeError::torn(path.display(), why)) } else { Ok(()) }
    }

    /// The MAC that the first row follows, where there is the key of a chain.
    pub(super) fn began(&self) -> Option<Hash> {
        self.chains.iter().any(|chain| chain.of == Of::Chain).then(|| self.before.tip.unwrap_or_default())
    }

    /// That of the end, when all was read, and whether the recorder had finished there.
    pub(super) fn ended(&self) -> Option<(Hash, bool)> {
        self.end.map(|end| (end.mac, end.is_finished))
    }
}
