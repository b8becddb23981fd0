//! Where a tape ends for now.

use rusqlite::Connection;

use super::Reader;
use crate::tape::sqlite::chain::End;
use crate::tape::sqlite::failed::failed;
use crate::tape::sqlite::find;
use crate::tape::sqlite::title::Title;
use crate::tape::{Entry, TapeError};

/// What the file says now.
struct Now {
    title: Title,
    last: i64,
    said: i64,
    ends: Vec<Option<End>>,
}

impl Reader {
    /// Nothing follows, unless the tree of rows leads astray: then its other end is still there. What is being recorded may
    /// have grown meanwhile, and more may be known of it.
    pub(super) fn end(&mut self) -> Result<Option<Entry>, TapeError> {
        let now = self.look(&self.db).map_err(|error| failed(&self.path, error))?;
        let Some(Now { title, last, said, ends }) = now else {
            return Err(TapeError::removed(&self.path, &self.tape.id));
        };
        self.learn(title, &ends)?;
        // Frames are numbered from 1.
        if last <= self.last.max(0) {
            find::is_end(&self.path, last, said)?;
            return self.check.end(ends, &self.path).map(|()| None);
        }
        // What was read before it failed comes first.
        self.failure = self.read_ahead().err();
        if !self.ahead.is_empty() || self.failure.is_some() {
            return self.step();
        }
        Err(TapeError::damaged(self.path.display(), format_args!("frames before frame {last} are missing")))
    }

    /// What came to be known of the tape before the entries that were read ahead.
    pub(super) fn learn_what_is_new(&mut self) -> Result<(), TapeError> {
        let version = find::version(&self.db).map_err(|error| failed(&self.path, error))?;
        if version == self.version {
            return Ok(());
        }
        self.version = version;
        match self.look(&self.db).map_err(|error| failed(&self.path, error))? {
            Some(now) => self.learn(now.title, &now.ends),
            None => Ok(()), // told when all that was read is given away
        }
    }

    /// `None` where the tape is not there any more.
    fn look(&self, db: &Connection) -> rusqlite::Result<Option<Now>> {
        let all = db.unchecked_transaction()?;
        let Some(title) = find::title(&all, self.number, &self.tape.id)? else { return Ok(None) };
        let (last, said) = (find::last(&all, self.number)?, find::said(&all, self.number)?);
        Ok(Some(Now { title, last, said, ends: self.check.ends(&all, self.number)? }))
    }

    /// What is known of the tape now; whether it may be read further is asked again.
    fn learn(&mut self, title: Title, ends: &[Option<End>]) -> Result<(), TapeError> {
        if title == self.title {
            return Ok(());
        }
        let is_asked = self.asked.check.is_some();
        let tape = self.check.tape(title.clone(), &self.tape.id, ends, is_asked, &self.path)?;
        self.asked.learned(&self.path, &tape)?;
        (self.tape, self.title) = (tape, title);
        Ok(())
    }
}
