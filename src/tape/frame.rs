//! One entry as a JSON object: a line of JSON Lines, or an element of `frames`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::object::{Object, Style};
use super::{Edge, Entry, EntryKind, Outcome, name, text, time};
use crate::message::{Direction, JsonRpcMessage, ScanOptions, members};
use crate::protocol::peek;

const TO_UPSTREAM: &str = "client_to_server";
const TO_CLIENT: &str = "server_to_client";

/// Writes entry number `number` for people; as a line, [`lines`](super::lines) does.
pub(super) fn write(out: &mut Vec<u8>, style: Style, number: u64, entry: &Entry) {
    let mut object = Object::new(out, style);
    object.number("frame", number);
    time::write_millis(object.key("timestamp_ms"), entry.at);
    object.some_text("time", entry.wall.map(time::utc).as_deref());
    object.some_text("session_id", entry.session.as_deref());
    object.text("direction", direction_word(entry.direction));
    object.text("edge", entry.edge.as_str());
    object.text("kind", entry.kind.as_str());
    if let Some(call) = entry.call {
        object.number("call", call);
    }
    object.some_text("outcome", entry.outcome.map(Outcome::as_str));
    object.some_text("component_id", entry.component.as_deref());
    if entry.synthetic {
        object.token("synthetic", "true");
    }
    content(&mut object, entry);
    object.end();
}

/// JSON is indented, and where that loses something, `raw` has it.
fn content(object: &mut Object<'_>, entry: &Entry) {
    let bytes = &entry.bytes;
    if entry.is_json() {
        object.json("content", bytes);
        if text::is_plain(bytes) {
            return;
        }
    }
    match std::str::from_utf8(bytes) {
        Ok(raw) => object.text("raw", raw),
        Err(_) => object.text("raw_base64", &STANDARD.encode(bytes)),
    }
}

pub(super) fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::ToUpstream => TO_UPSTREAM,
        Direction::ToClient => TO_CLIENT,
    }
}

pub(super) fn direction(word: &str) -> Option<Direction> {
    match word {
        TO_UPSTREAM => Some(Direction::ToUpstream),
        TO_CLIENT => Some(Direction::ToClient),
        _ => None,
    }
}

/// The members of a frame, raw; each stands once.
#[derive(Default)]
struct Frame<'a> {
    values: [Option<&'a [u8]>; KEYS.len()],
}

const KEYS: [&str; 14] = [
    "frame",
    "timestamp_ms",
    "time",
    "session_id",
    "direction",
    "edge",
    "kind",
    "call",
    "outcome",
    "component_id",
    "synthetic",
    "content",
    "raw",
    "raw_base64",
];

/// Reads a frame from what is JSON: its number, if it has one, and the entry. `style` is how the content was laid out.
pub(super) fn read(json: &[u8], style: Style) -> Result<(Option<u64>, Entry), Cow<'static, str>> {
    let frame = Frame::find(json)?;
    let bytes = frame.bytes(style)?;
    let word = frame.text("direction")?.ok_or("a frame without a direction")?;
    let direction = direction(&word).ok_or_else(|| format!("unknown direction {word:?}"))?;
    let mut entry = Entry::new(frame.kind(&bytes)?, direction, bytes);
    entry.edge = frame.word("edge", Edge::from_word)?.unwrap_or_default();
    entry.outcome = frame.word("outcome", Outcome::from_word)?;
    entry.wall = frame.word("time", time::from_utc)?;
    if let Some(at) = frame.get("timestamp_ms") {
        entry.at = time::from_millis(at).ok_or("timestamp_ms is no time")?;
    }
    entry.session = name::read("session_id", frame.text("session_id")?)?;
    entry.component = name::read("component_id", frame.text("component_id")?)?;
    entry.call = frame.number("call")?;
    entry.synthetic = match frame.get("synthetic") {
        None | Some(b"false") => false,
        Some(b"true") => true,
        Some(_) => return Err("synthetic is true or false".into()),
    };
    Ok((frame.number("frame")?, entry))
}

impl<'a> Frame<'a> {
    fn find(json: &'a [u8]) -> Result<Self, Cow<'static, str>> {
        let mut found = Self::default();
        for member in members(json) {
            let Some(at) = KEYS.iter().position(|key| member.is(key)) else { continue };
            if found.values[at].replace(member.value).is_some() {
                return Err(format!("{:?} stands twice", KEYS[at]).into());
            }
        }
        Ok(found)
    }

    fn get(&self, key: &str) -> Option<&'a [u8]> {
        let at = KEYS.iter().position(|known| *known == key)?;
        self.values[at].filter(|value| *value != b"null")
    }

    fn text(&self, key: &str) -> Result<Option<Cow<'a, str>>, Cow<'static, str>> {
        let text = self.get(key).map(peek::string).transpose();
        text.map_err(|_| format!("{key} is no text").into())
    }

    fn word<T>(&self, key: &str, from: fn(&str) -> Option<T>) -> Result<Option<T>, Cow<'static, str>> {
        let Some(word) = self.text(key)? else { return Ok(None) };
        from(&word).map(Some).ok_or_else(|| format!("unknown {key} {word:?}").into())
    }

    fn number(&self, key: &str) -> Result<Option<u64>, Cow<'static, str>> {
        let parse = |digits| std::str::from_utf8(digits).ok()?.parse().ok();
        self.get(key)
            .map(|digits| parse(digits).ok_or_else(|| format!("{key} is no number").into()))
            .transpose()
    }

    fn bytes(&self, style: Style) -> Result<Bytes, Cow<'static, str>> {
        if let Some(raw) = self.text("raw")? {
            return Ok(raw.into_owned().into());
        }
        if let Some(encoded) = self.text("raw_base64")? {
            let bytes = STANDARD.decode(&*encoded).map_err(|_| "raw_base64 is no base64")?;
            return Ok(bytes.into());
        }
        // `null` is a document too.
        let content = KEYS.iter().position(|key| *key == "content").and_then(|at| self.values[at]);
        let content = content.ok_or("a frame without content")?;
        Ok(match style {
            Style::Line => Bytes::copy_from_slice(content),
            Style::Pretty(_) => text::compact(content).into(),
        })
    }

    /// As it is told, or else as the content is.
    fn kind(&self, bytes: &Bytes) -> Result<EntryKind, Cow<'static, str>> {
        if let Some(kind) = self.word("kind", EntryKind::from_word)? {
            return Ok(kind);
        }
        let options = ScanOptions::new().transparent();
        let message = JsonRpcMessage::parse_with(bytes.clone(), &options);
        message
            .map(|message| message.kind().into())
            .map_err(|error| format!("a frame without a kind: {error}").into())
    }
}
