//! A log of messages, one per line.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::path::Path;
use std::time::SystemTime;

use super::calls::Calls;
use super::clock::{Clock, wall};
use super::lines::Dialect;
use super::log_line::{LogLine, Way, When};
use crate::message::Direction;
use crate::tape::{Entry, EntryKind, Tape, TapeError, TapeId};

#[derive(Debug)]
pub(super) struct Log {
    tape: Tape,
    clock: Clock,
    calls: Calls,
}

impl Dialect for Log {
    fn begin(path: &Path, line: &[u8]) -> Result<Self, TapeError> {
        let line = LogLine::find(line).map_err(|why| TapeError::foreign(path, why))?;
        let created = match line.when {
            Some(When::Wall(since)) => wall(since),
            _ => path.metadata().and_then(|facts| facts.modified()).unwrap_or_else(|_| SystemTime::now()),
        };
        let tape = Tape::of(TapeId::random()?, created);
        Ok(Self { tape, clock: Clock::default(), calls: Calls::default() })
    }

    fn read(&mut self, line: &[u8], said: &mut VecDeque<Entry>) -> Result<(), Cow<'static, str>> {
        let line = LogLine::find(line)?;
        let whose = line.session.as_deref().unwrap_or_default();
        let mut entry = match line.way {
            Some(Way::Note(word)) => {
                let text = [word.as_bytes(), b": ", &*line.bytes].concat();
                Entry::new(EntryKind::Note, Direction::ToClient, text)
            }
            Some(Way::Said(way)) => self.calls.entry(line.bytes.clone(), Some(way), whose),
            None => self.calls.entry(line.bytes.clone(), None, whose),
        };
        match line.when {
            Some(When::Since(at)) => entry = entry.at(at),
            Some(When::Wall(since)) => entry = entry.at(self.clock.since_first(since)).wall(wall(since)),
            None => {}
        }
        entry.session = line.session;
        said.push_back(entry);
        Ok(())
    }

    fn tape(&self) -> &Tape {
        &self.tape
    }
}
