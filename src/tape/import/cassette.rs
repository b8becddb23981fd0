//! JSON Lines of the `mcp-cassette` that is on npm: a header, then a message per line, or a whole stream.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::path::Path;
use std::time::SystemTime;

use super::calls::Calls;
use super::clock::{since_epoch, wall};
use super::lines::Dialect;
use crate::message::{Direction, elements};
use crate::protocol::peek;
use crate::tape::head::{get, text};
use crate::tape::{Entry, EntryKind, Json, Tape, TapeError, TapeId, text as json_text, time};

/// Messages of one stream, which stands in one line.
const MAX_CHUNKS: usize = 100_000;

#[derive(Debug)]
pub(super) struct Cassette {
    tape: Tape,
    /// Whether the clock of the header is that of the messages.
    started: Option<SystemTime>,
    begun: bool,
    calls: Calls,
}

impl Dialect for Cassette {
    fn begin(path: &Path, line: &[u8]) -> Result<Self, TapeError> {
        let foreign = |why| TapeError::foreign(path, why);
        if text(line, "type").map_err(foreign)?.as_deref() != Some("header") {
            return Err(TapeError::foreign(path, "no header of mcp-cassette"));
        }
        let version = get(line, "cassetteVersion").map_err(foreign)?;
        if !matches!(version, Some(b"1" | b"2")) {
            let version = String::from_utf8_lossy(version.unwrap_or(b"?")).into_owned();
            let why = format!("a cassette of version {version:.20}; this shadowcat reads 1 and 2");
            return Err(TapeError::version(path, why));
        }
        let started = text(line, "startedAt").map_err(foreign)?;
        let started = started.and_then(|at| since_epoch(&at)).map(wall);
        let mut tape = Tape::of(TapeId::random()?, started.unwrap_or_else(SystemTime::now));
        tape.software = text(line, "recorder").map_err(foreign)?;
        tape.transport = text(line, "transport").map_err(foreign)?;
        for key in ["url", "era"] {
            if let Some(value) = text(line, key).map_err(foreign)? {
                tape = tape.label(key, &value);
            }
        }
        if let Some(command) = get(line, "command").map_err(foreign)?.and_then(Json::new) {
            tape = tape.label("command", command.as_str());
        }
        let redaction = get(line, "redaction").map_err(foreign)?.unwrap_or_default();
        if peek::member(redaction, "applied") == Ok(Some(b"true")) {
            tape = tape.redaction("mcp-cassette");
        }
        Ok(Self { tape, started, begun: false, calls: Calls::default() })
    }

    fn read(&mut self, line: &[u8], said: &mut VecDeque<Entry>) -> Result<(), Cow<'static, str>> {
        let kind = text(line, "type")?;
        match kind.as_deref() {
            Some("header") if self.begun => return Err("another cassette begins here".into()),
            Some("frame") => said.push_back(self.frame(line, direction(line)?)?),
            Some("raw") => {
                let data = text(line, "data")?.ok_or("a raw entry without data")?;
                let entry = Entry::new(EntryKind::Refused, direction(line)?, data.to_string());
                said.push_back(self.stamped(line, entry)?);
            }
            Some("chunks") => self.chunks(line, said)?,
            // Later versions may have more kinds; they are to be passed.
            Some(_) => {}
            None => return Err("a line without a type".into()),
        }
        self.begun = true;
        Ok(())
    }

    fn tape(&self) -> &Tape {
        &self.tape
    }
}

impl Cassette {
    fn chunks(&mut self, line: &[u8], said: &mut VecDeque<Entry>) -> Result<(), Cow<'static, str>> {
        let direction = direction(line)?;
        let chunks = get(line, "chunks")?.ok_or("a stream without chunks")?;
        for (number, at) in elements(chunks).enumerate() {
            if number == MAX_CHUNKS {
                return Err(format!("a stream of more than {MAX_CHUNKS} messages").into());
            }
            said.push_back(self.frame(&chunks[at], direction)?);
        }
        Ok(())
    }

    /// A line, or a chunk of one, with a `frame`.
    fn frame(&mut self, json: &[u8], direction: Direction) -> Result<Entry, Cow<'static, str>> {
        let frame = get(json, "frame")?.ok_or("an entry without a frame")?;
        let entry = self.calls.entry(json_text::compact(frame).into(), Some(direction), "");
        self.stamped(json, entry)
    }

    fn stamped(&self, json: &[u8], entry: Entry) -> Result<Entry, Cow<'static, str>> {
        let at = get(json, "t")?.ok_or("an entry without a time")?;
        let at = time::from_millis(at).ok_or("t is no time")?;
        let then = self.started.and_then(|started| started.checked_add(at));
        let entry = entry.at(at);
        Ok(if let Some(then) = then { entry.wall(then) } else { entry })
    }
}

fn direction(line: &[u8]) -> Result<Direction, Cow<'static, str>> {
    match text(line, "dir")?.as_deref() {
        Some("c2s") => Ok(Direction::ToUpstream),
        Some("s2c") => Ok(Direction::ToClient),
        Some(word) => Err(format!("unknown direction {word:?}").into()),
        None => Err("an entry without a direction".into()),
    }
}
