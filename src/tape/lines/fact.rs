//! The lines that are no entries, as they are written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::chain::FOLLOWS;
use crate::key::hex;
use crate::message::write_string;
use crate::tape::object::{Object, Style};
use crate::tape::rotating::Before;
use crate::tape::{Tape, VERSION, head};

/// What is known of the tape.
pub(super) fn title(out: &mut Vec<u8>, tape: &Tape) {
    let mut object = Object::new(out, Style::Line);
    head::write(&mut object, tape);
    object.end();
    out.push(b'\n');
}

/// The first line.
pub(super) fn first(out: &mut Vec<u8>, tape: &Tape, before: &Before) {
    let mut object = Object::new(out, Style::Line);
    object.text("version", VERSION);
    head::write(&mut object, tape);
    before.write(&mut object);
    object.some_text(FOLLOWS, before.tip.as_ref().map(hex).as_deref());
    object.end();
    out.push(b'\n');
}

/// What a crash left of a line; `rest` may be only the beginning of so many bytes.
pub(super) fn torn(out: &mut Vec<u8>, rest: &[u8], bytes: u64) {
    let mut object = Object::new(out, Style::Line);
    object.number("torn", bytes);
    if rest.is_empty() {
        object.end();
        return out.push(b'\n');
    }
    match std::str::from_utf8(rest) {
        Ok(raw) => write_string(object.key("raw"), raw),
        Err(_) => object.text("raw_base64", &STANDARD.encode(rest)),
    }
    object.end();
    out.push(b'\n');
}

/// So many frames there are.
pub(super) fn end(out: &mut Vec<u8>, frames: u64) {
    let mut object = Object::new(out, Style::Line);
    object.number("end", frames);
    object.end();
    out.push(b'\n');
}
