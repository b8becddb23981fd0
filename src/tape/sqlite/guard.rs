//! What a writer seals and binds.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use rusqlite::Connection;

use super::bound::Bound;
use super::chain::{self, Chain, Of};
use super::find::Found;
use super::options::Options;
use super::seal::Seal;
use super::title::Title;
use crate::key::{Hash, Key};
use crate::tape::rotating::Before;
use crate::tape::{Tape, TapeError, TapeId};

/// The seal and the chains of a tape that is written.
#[derive(Debug, Default)]
pub(super) struct Guard {
    seal: Option<Seal>,
    /// Of a sealed tape, what its keys come from.
    head: Option<Vec<u8>>,
    chains: Vec<Chain>,
    /// Where the chains stood before what is being written.
    settled: Vec<Chain>,
}

impl Guard {
    /// Of a new tape.
    pub(super) fn new(options: &Options, tape: &TapeId, before: &Before) -> io::Result<Self> {
        let (seal, head) = options.seal(tape)?.unzip();
        let mut guard = Self { seal, head, ..Self::default() };
        guard.chains = chains(guard.seal.as_ref(), options.keys.chain.as_ref(), tape, before.tip);
        Ok(guard)
    }

    /// Of a tape that is there, and what is known of it. Its end must be as it was written; the rest a reader checks.
    pub(super) fn resume(
        db: &Connection,
        path: &Path,
        found: Found,
        options: &Options,
    ) -> Result<(Self, Tape), TapeError> {
        let seal = found.seal(options.keys.seal(), path)?;
        let head = found.title.head.clone();
        if options.keys.chain.is_none() && found.end(db, Of::Chain, path)?.is_some() {
            return Err(TapeError::key(
                path,
                "it is bound by a chain; go on with it with the key of the chain",
            ));
        }
        let tip = found.title.before().tip;
        let mut all = chains(seal.as_ref(), options.keys.chain.as_ref(), &found.id, tip);
        for chain in &mut all {
            let end = found.end(db, chain.of, path)?.ok_or_else(|| chain::none(chain.of, path))?;
            if !chain.is_titled(found.title.bound(&found.id).bytes(), &end) {
                return Err(chain::other_title(path));
            }
            if !chain.holds(&end) {
                return Err(chain::other_end(path));
            }
            *chain = chain.clone().at(&end);
        }
        let tape = found.title.tape(&found.id, seal.as_ref(), path)?;
        Ok((Self { seal, head, chains: all, settled: Vec::new() }, tape))
    }

    /// Nothing is sealed or bound.
    pub(super) fn is_none(&self) -> bool {
        self.chains.is_empty()
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.seal.is_some()
    }

    pub(super) fn hides_names(&self) -> bool {
        self.seal.as_ref().is_some_and(Seal::hides_names)
    }

    /// What is known of the tape, as it is to be written.
    pub(super) fn title(&mut self, tape: &Tape, before: &Before) -> rusqlite::Result<Title> {
        let title = match &self.seal {
            Some(seal) => Title::sealed(tape, before, self.head.clone(), seal).map_err(unwritten)?,
            None => Title::new(tape, before),
        };
        let bound = title.bound(&tape.id);
        self.chains.iter_mut().for_each(|chain| chain.title(bound.bytes()));
        Ok(title)
    }

    /// The message of a row as it is to be written, and the MAC beside it.
    pub(super) fn row<'a>(
        &mut self,
        frame: i64,
        bound: &Bound,
        message: &'a [u8],
    ) -> rusqlite::Result<(Cow<'a, [u8]>, Option<Hash>)> {
        let message: Cow<'_, [u8]> = match &mut self.seal {
            Some(seal) => seal.row(frame, bound.bytes(), message).map_err(unwritten)?.into(),
            None => message.into(),
        };
        let mut mac = None;
        for chain in &mut self.chains {
            let tip = chain.row(bound.bytes(), &message);
            mac = (chain.of == Of::Chain).then_some(tip);
        }
        Ok((message, mac))
    }

    /// Whether the tape ends as this writer left it: else somebody else writes to it.
    pub(super) fn is_ours(&self, db: &Connection, tape: i64) -> rusqlite::Result<bool> {
        for chain in &self.chains {
            if chain.read(db, tape)?.map(|end| end.mac) != Some(chain.end) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Before anything is written.
    pub(super) fn begin(&mut self) {
        self.settled.clone_from(&self.chains);
    }

    /// Behind all that is written.
    pub(super) fn end(
        &mut self,
        db: &Connection,
        tape: i64,
        last: i64,
        finished: bool,
    ) -> rusqlite::Result<()> {
        for chain in &mut self.chains {
            chain.end = chain.write(db, tape, last, finished)?;
        }
        Ok(())
    }

    /// What was written was rolled back.
    pub(super) fn undo(&mut self) {
        std::mem::swap(&mut self.chains, &mut self.settled);
        if let Some(seal) = &mut self.seal {
            seal.renew();
        }
    }

    /// That of the chain that was asked for.
    pub(super) fn tip(&self) -> Option<Hash> {
        self.chains.iter().find(|chain| chain.of == Of::Chain).map(|chain| chain.end)
    }
}

/// Before the first row.
pub(super) fn chains(
    seal: Option<&Seal>,
    chain: Option<&Key>,
    tape: &TapeId,
    follows: Option<Hash>,
) -> Vec<Chain> {
    let of_seal = seal.map(|seal| Chain::new(Of::Seal, &seal.chain(), tape, None));
    let of_chain = chain.map(|key| Chain::new(Of::Chain, key, tape, follows));
    of_seal.into_iter().chain(of_chain).collect()
}

fn unwritten(error: io::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}
