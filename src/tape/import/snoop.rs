//! JSON Lines of `mcpsnoop`: an envelope per message, numbered in its session.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use super::calls::Calls;
use super::clock::{Clock, since_epoch, wall};
use super::lines::Dialect;
use crate::message::Direction;
use crate::protocol::peek;
use crate::tape::head::{get, text};
use crate::tape::{Entry, EntryKind, Json, Tape, TapeError, TapeId, text as json_text};

#[derive(Debug)]
pub(super) struct Snoop {
    tape: Tape,
    clock: Clock,
    /// The session of the last line, and its number there.
    last: Option<(Arc<str>, u64)>,
    calls: Calls,
}

impl Dialect for Snoop {
    fn begin(path: &Path, line: &[u8]) -> Result<Self, TapeError> {
        let foreign = |why| TapeError::foreign(path, why);
        let since = text(line, "ts").map_err(foreign)?.and_then(|at| since_epoch(&at));
        let since = since.ok_or_else(|| TapeError::foreign(path, "no log of mcpsnoop: it has no ts"))?;
        let mut tape = Tape::of(TapeId::random()?, wall(since));
        tape.software = Some("mcpsnoop".into());
        tape.session = text(line, "session_id").map_err(foreign)?;
        tape.transport = text(line, "transport").map_err(foreign)?;
        if let Some(label) = text(line, "server_label").map_err(foreign)? {
            tape = tape.label("server_label", &label);
        }
        Ok(Self { tape, clock: Clock::default(), last: None, calls: Calls::default() })
    }

    fn read(&mut self, line: &[u8], said: &mut VecDeque<Entry>) -> Result<(), Cow<'static, str>> {
        let session = text(line, "session_id")?.ok_or("a line without a session_id")?;
        let since = text(line, "ts")?.and_then(|at| since_epoch(&at)).ok_or("a line without a ts")?;
        let at = self.clock.since_first(since);
        let stamped = |entry: Entry| entry.at(at).wall(wall(since)).session(session.clone());
        if let Some(lost) = self.lost(&session, line)? {
            said.push_back(stamped(Entry::new(EntryKind::Lost, Direction::ToClient, lost.to_string())));
        }
        if get(line, "redacted")? == Some(b"true") {
            self.tape.redaction = Some("mcpsnoop".into());
        }
        let direction = match text(line, "direction")?.as_deref() {
            Some("c2s") => Direction::ToUpstream,
            Some("s2c") => Direction::ToClient,
            Some("stderr") => {
                let note = format!("stderr: {}", text(line, "text")?.unwrap_or_default());
                said.push_back(stamped(Entry::new(EntryKind::Note, Direction::ToClient, note)));
                return Ok(());
            }
            Some("meta") => return self.learn(line),
            Some(word) => return Err(format!("unknown direction {word:?}").into()),
            None => return Err("a line without a direction".into()),
        };
        said.push_back(stamped(self.said(line, &session, direction)?));
        Ok(())
    }

    fn tape(&self) -> &Tape {
        &self.tape
    }
}

impl Snoop {
    /// Lines that are missing before this one.
    fn lost(&mut self, session: &Arc<str>, line: &[u8]) -> Result<Option<u64>, Cow<'static, str>> {
        let number = get(line, "seq")?.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let number: u64 = number.ok_or("a line without a seq")?;
        let last = self.last.replace((session.clone(), number));
        match last {
            Some((known, last)) if known == *session => {
                Ok(number.checked_sub(last).and_then(|step| step.checked_sub(1)).filter(|lost| *lost > 0))
            }
            Some(_) => {
                self.tape.session = None;
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// A message, or a line that is none.
    fn said(&mut self, line: &[u8], session: &str, way: Direction) -> Result<Entry, Cow<'static, str>> {
        // `null` is JSON that somebody said, too.
        let Some(raw) = peek::member(line, "raw").map_err(|_| "raw stands twice")? else {
            let text = text(line, "text")?.unwrap_or_default();
            return Ok(Entry::new(EntryKind::Refused, way, text.to_string()));
        };
        // Ids are those of a connection.
        let whose = format!("{session}\n{}", text(line, "conn_id")?.unwrap_or_default());
        Ok(self.calls.entry(json_text::compact(raw).into(), Some(way), &whose))
    }

    fn learn(&mut self, line: &[u8]) -> Result<(), Cow<'static, str>> {
        let raw = get(line, "raw")?.unwrap_or_default();
        if let Some(command) = get(raw, "command")?.and_then(Json::new) {
            self.tape.labels.insert("command".to_owned(), command.as_str().to_owned());
        }
        Ok(())
    }
}
