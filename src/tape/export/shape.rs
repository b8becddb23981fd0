//! How a file of each format begins and ends, and what it takes.

use super::line;
use crate::tape::object::{Object, Style};
use crate::tape::{Entry, EntryKind, Tape, time};

/// Inside the document.
const MEMBER: Style = Style::Pretty(1);
/// Inside its list.
const ELEMENT: Style = Style::Pretty(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    CassetteJson,
    CassetteLines,
    Mcpsnoop,
}

impl Shape {
    /// What stands before the entries; and the number of the last line.
    pub(super) fn begin(self, out: &mut Vec<u8>, tape: &Tape) -> u64 {
        match self {
            Self::CassetteJson => document(out, tape),
            Self::CassetteLines => header(out, tape),
            Self::Mcpsnoop => return meta(out, tape),
        }
        0
    }

    /// Messages, and lines that are none. An entry that nobody refused at this edge was said.
    pub(super) fn takes(self, entry: &Entry) -> bool {
        match entry.kind {
            EntryKind::Request | EntryKind::Notification | EntryKind::Response | EntryKind::Refused => true,
            EntryKind::Lost => self == Self::Mcpsnoop && lost(entry).is_some(),
            EntryKind::Note => self == Self::Mcpsnoop && line::stderr(entry).is_some(),
            _ => false,
        }
    }

    pub(super) fn entry(self, out: &mut Vec<u8>, tape: &Tape, entry: &Entry, number: u64, is_first: bool) {
        match self {
            Self::CassetteJson => {
                if !is_first {
                    out.push(b',');
                }
                ELEMENT.line(out);
                line::message(out, ELEMENT, entry, number);
            }
            Self::CassetteLines => line::frame(out, entry),
            Self::Mcpsnoop => line::envelope(out, tape, entry, number),
        }
    }

    pub(super) fn end(self, out: &mut Vec<u8>, is_empty: bool) {
        if self == Self::CassetteJson {
            if !is_empty {
                MEMBER.line(out);
            }
            out.extend_from_slice(b"]\n}\n");
        }
    }
}

/// How many are missing.
pub(super) fn lost(entry: &Entry) -> Option<u64> {
    std::str::from_utf8(&entry.bytes).ok()?.parse().ok()
}

/// Only these two have a name there.
pub(super) fn transport(tape: &Tape) -> &'static str {
    if tape.transport.as_deref().is_some_and(|name| name.starts_with("http")) { "http" } else { "stdio" }
}

fn document(out: &mut Vec<u8>, tape: &Tape) {
    let mut object = Object::new(out, Style::Pretty(0));
    object.number("format_version", 2);
    object.text("recorded_at", &time::utc(tape.created));
    object.text("transport", transport(tape));
    line::text_or_null(&mut object, "server_url", tape.labels.get("url").map(String::as_str));
    line::text_or_null(&mut object, "session_id", tape.session.as_deref());
    line::text_or_null(&mut object, "protocol_version", tape.protocol_version.as_deref());
    match tape.server_info.as_ref().and_then(|info| line::name_and_version(info.as_str().as_bytes())) {
        Some((name, version)) => object.object("server_info", |inner| {
            inner.text("name", &name);
            inner.text("version", &version);
        }),
        None => object.token("server_info", "null"),
    }
    object.key("messages").push(b'[');
}

fn header(out: &mut Vec<u8>, tape: &Tape) {
    let mut object = Object::new(out, Style::Line);
    object.text("type", "header");
    object.number("cassetteVersion", 2);
    object.text("recorder", tape.software.as_deref().unwrap_or("shadowcat"));
    object.text("startedAt", &time::utc(tape.created));
    object.text("transport", transport(tape));
    object.some_text("url", tape.labels.get("url").map(String::as_str));
    if let Some(command) = line::command(tape) {
        object.token("command", command);
    }
    object.some_text("era", tape.labels.get("era").map(String::as_str));
    object.object("redaction", |inner| {
        inner.token("applied", if tape.redaction.is_some() { "true" } else { "false" });
    });
    object.end();
    out.push(b'\n');
}

/// The command is a line of its own, where it is known.
fn meta(out: &mut Vec<u8>, tape: &Tape) -> u64 {
    let Some(command) = line::command(tape) else { return 0 };
    let mut object = line::stamped(out, tape, None, tape.created, 1);
    object.text("direction", "meta");
    object.text("transport", transport(tape));
    object.object("raw", |inner| inner.token("command", command));
    object.end();
    out.push(b'\n');
    1
}
