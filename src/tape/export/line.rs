//! One entry, as each format has it.

use std::borrow::Cow;
use std::time::SystemTime;

use crate::message::{Direction, JsonRpcMessage, ScanOptions, elements};
use crate::protocol::peek;
use crate::tape::entry::whole_micros;
use crate::tape::object::{Object, Style};
use crate::tape::{Entry, EntryKind, Tape, text, time};

/// An element of the list of `mcp-cassette` on PyPI; all members stand, as it writes them.
pub(super) fn message(out: &mut Vec<u8>, style: Style, entry: &Entry, number: u64) {
    let message = parsed(entry);
    let mut object = Object::new(out, style);
    object.number("seq", number - 1);
    object.number("t_offset_ms", millis(entry));
    object.text("sender", if entry.direction == Direction::ToUpstream { "client" } else { "server" });
    object.text("kind", message.as_ref().map_or("raw", |_| entry.kind.as_str()));
    text_or_null(&mut object, "method", message.as_ref().and_then(JsonRpcMessage::method));
    object.token("msg_id", message.as_ref().and_then(id).as_deref().unwrap_or("null"));
    match &message {
        Some(message) => object.json("payload", message.bytes()),
        None => object.text("payload", &String::from_utf8_lossy(&entry.bytes)),
    }
    object.token("redacted", "false");
    object.token("exchange", "null");
    object.token("channel", "null");
    object.end();
}

/// A line of `mcp-cassette` on npm.
pub(super) fn frame(out: &mut Vec<u8>, entry: &Entry) {
    let mut object = Object::new(out, Style::Line);
    let is_message = parsed(entry).is_some();
    object.text("type", if is_message { "frame" } else { "raw" });
    object.number("t", millis(entry));
    object.text("dir", way(entry));
    if is_message {
        object.json("frame", &in_a_line(&entry.bytes));
    } else {
        object.text("data", &String::from_utf8_lossy(&entry.bytes));
    }
    object.end();
    out.push(b'\n');
}

/// A line of `mcpsnoop`.
pub(super) fn envelope(out: &mut Vec<u8>, tape: &Tape, entry: &Entry, number: u64) {
    let when = entry.wall.or_else(|| tape.created.checked_add(entry.at)).unwrap_or(tape.created);
    let mut object = stamped(out, tape, entry.session.as_deref(), when, number);
    let stderr = stderr(entry);
    object.text("direction", if stderr.is_some() { "stderr" } else { way(entry) });
    object.text("transport", super::shape::transport(tape));
    match stderr {
        Some(line) => object.text("text", line),
        None if text::is_json(&entry.bytes) => object.json("raw", &in_a_line(&entry.bytes)),
        None => object.text("text", &String::from_utf8_lossy(&entry.bytes)),
    }
    object.end();
    out.push(b'\n');
}

/// The beginning of an envelope.
pub(super) fn stamped<'a>(
    out: &'a mut Vec<u8>,
    tape: &Tape,
    session: Option<&str>,
    when: SystemTime,
    number: u64,
) -> Object<'a> {
    let mut object = Object::new(out, Style::Line);
    object.text("session_id", session.or(tape.session.as_deref()).unwrap_or(tape.id.as_str()));
    object.text("server_label", tape.labels.get("server_label").map_or("shadowcat", String::as_str));
    object.number("seq", number);
    object.text("ts", &time::utc(whole_micros(when)));
    object
}

/// What a server wrote to its standard error, in a note.
pub(super) fn stderr(entry: &Entry) -> Option<&str> {
    let is_note = entry.kind == EntryKind::Note;
    std::str::from_utf8(&entry.bytes).ok().filter(|_| is_note)?.strip_prefix("stderr: ")
}

/// The command of the server, as a list in JSON.
pub(super) fn command(tape: &Tape) -> Option<&str> {
    let command = tape.labels.get("command")?.as_str();
    let bytes = command.as_bytes();
    let is_list = text::is_json(bytes)
        && bytes.first() == Some(&b'[')
        && text::fits_a_line(bytes)
        && elements(bytes).all(|at| peek::string(&bytes[at]).is_ok());
    is_list.then_some(command)
}

pub(super) fn name_and_version(info: &[u8]) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    Some((peek::text(info, "name").ok()??, peek::text(info, "version").ok()??))
}

pub(super) fn text_or_null(object: &mut Object<'_>, name: &'static str, text: Option<&str>) {
    match text {
        Some(text) => object.text(name, text),
        None => object.token(name, "null"),
    }
}

/// The message, where there is one: what is only called so is a line that is none.
fn parsed(entry: &Entry) -> Option<JsonRpcMessage> {
    let options = ScanOptions::new().unlimited().transparent();
    JsonRpcMessage::parse_with(entry.bytes.clone(), &options)
        .ok()
        .filter(|message| EntryKind::from(message.kind()) == entry.kind)
}

/// A text or a whole number: others it does not take.
fn id(message: &JsonRpcMessage) -> Option<String> {
    let id = message.id()?.to_string();
    let is_plain = id.starts_with('"') || id.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    is_plain.then_some(id)
}

fn way(entry: &Entry) -> &'static str {
    match entry.direction {
        Direction::ToUpstream => "c2s",
        Direction::ToClient => "s2c",
    }
}

fn millis(entry: &Entry) -> u64 {
    u64::try_from(entry.at.as_millis()).unwrap_or(u64::MAX)
}

fn in_a_line(json: &[u8]) -> Cow<'_, [u8]> {
    if text::fits_a_line(json) { json.into() } else { text::compact(json).into() }
}
