//! The JSON document of the `mcp-cassette` that is on PyPI: what is known of the session, then its messages.

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;
use std::time::SystemTime;

use super::calls::Calls;
use super::clock::{since_epoch, wall};
use crate::message::Direction;
use crate::tape::head::{get, text};
use crate::tape::json::Elements;
use crate::tape::{Entry, EntryKind, Json, Source, Tape, TapeError, TapeId, text as json_text, time};

#[derive(Debug)]
pub(super) struct Reader {
    messages: Elements,
    tape: Tape,
    calls: Calls,
    done: bool,
}

impl Reader {
    /// Of a file that may be read, at its beginning.
    pub(super) fn of(file: File, path: &Path) -> Result<Self, TapeError> {
        let (messages, title) = Elements::of(file, path, "messages", &["format_version", "recorded_at"])?;
        let version = get(&title, "format_version").map_err(|why| TapeError::foreign(path, why))?;
        if !matches!(version, Some(b"1" | b"2" | b"3")) {
            let version = String::from_utf8_lossy(version.unwrap_or(b"?")).into_owned();
            let why = format!("a cassette of format_version {version:.20}; this shadowcat reads 1 to 3");
            return Err(TapeError::version(path, why));
        }
        let tape = tape(&title, TapeId::random()?).map_err(|why| TapeError::foreign(path, why))?;
        Ok(Self { messages, tape, calls: Calls::default(), done: false })
    }

    fn step(&mut self) -> Result<Option<Entry>, TapeError> {
        let Some(json) = self.messages.next()? else {
            self.messages.rest()?;
            return Ok(None);
        };
        self.message(&json).map(Some).map_err(|why| TapeError::damaged(self.messages.place(), why))
    }

    fn message(&mut self, json: &[u8]) -> Result<Entry, Cow<'static, str>> {
        let direction = match text(json, "sender")?.as_deref() {
            Some("client") => Direction::ToUpstream,
            Some("server") => Direction::ToClient,
            Some(word) => return Err(format!("unknown sender {word:?}").into()),
            None => return Err("a message without a sender".into()),
        };
        let at = get(json, "t_offset_ms")?.and_then(time::from_millis).ok_or("a message without a time")?;
        let payload = get(json, "payload")?.ok_or("a message without a payload")?;
        let mut entry = match payload.first() {
            Some(b'"') => {
                let line = text(json, "payload")?.unwrap_or_default();
                Entry::new(EntryKind::Refused, direction, line.to_string())
            }
            _ => self.calls.entry(json_text::compact(payload).into(), Some(direction), ""),
        };
        entry.at = at;
        entry.session.clone_from(&self.tape.session);
        Ok(entry)
    }
}

fn tape(title: &[u8], id: TapeId) -> Result<Tape, Cow<'static, str>> {
    let recorded = text(title, "recorded_at")?.and_then(|at| since_epoch(&at)).map(wall);
    let mut tape = Tape::of(id, recorded.unwrap_or_else(SystemTime::now));
    tape.software = Some("mcp-cassette".into());
    tape.transport = text(title, "transport")?;
    tape.session = text(title, "session_id")?;
    tape.protocol_version = text(title, "protocol_version")?;
    tape.server_info = get(title, "server_info")?.and_then(Json::new);
    if let Some(url) = text(title, "server_url")? {
        tape = tape.label("url", &url);
    }
    if let Some(redaction) = get(title, "redaction")? {
        let profile = text(redaction, "profile")?;
        tape.redaction = Some(profile.unwrap_or_else(|| "mcp-cassette".into()));
    }
    Ok(tape)
}

impl Iterator for Reader {
    type Item = Result<Entry, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.step().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

impl Source for Reader {
    fn tape(&self) -> &Tape {
        &self.tape
    }
}
