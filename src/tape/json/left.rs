//! What a crash left of a document that was to replace another.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Reader;
use crate::tape::appender::{lock, unlock};
use crate::tape::found::{self, rewind};
use crate::tape::object::{Object, Style};
use crate::tape::{Source, Tape, TapeId, VERSION, text, version};

/// Where a document is begun that is to replace another.
pub(in crate::tape) fn beside(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    beside.into()
}

/// Whether it is a file of ours that nobody writes to, with nothing in it but the beginning of this part of this tape, as
/// far as that goes.
pub(in crate::tape) fn is_left(path: &Path, tape: &TapeId, part: u32) -> bool {
    let Ok(file) = found::append_or_empty(path) else { return false };
    let is_left = lock(&file, path).is_ok() && begins(&file, path, tape, part).unwrap_or(false);
    unlock(&file);
    is_left
}

fn begins(file: &File, path: &Path, tape: &TapeId, part: u32) -> io::Result<bool> {
    let mut bytes = Vec::new();
    file.take(version::MAX_TITLE as u64).read_to_end(&mut bytes)?;
    let first = opening(tape);
    if first.starts_with(&bytes) {
        return Ok(true);
    }
    if !bytes.starts_with(&first) {
        return Ok(false);
    }
    rewind(file)?;
    Ok(match Reader::of(file.try_clone()?, path) {
        Ok(reader) => is_of(reader.tape(), part) && has_nothing(reader),
        // It is cut before its frames.
        Err(_) => !text::is_json(&bytes),
    })
}

/// As far as it is the same for all parts.
fn opening(tape: &TapeId) -> Vec<u8> {
    let mut out = Vec::new();
    let mut object = Object::new(&mut out, Style::Pretty(0));
    object.text("version", VERSION);
    object.text("tape_id", tape.as_str());
    out
}

fn is_of(tape: &Tape, part: u32) -> bool {
    tape.part == Some(part)
}

/// Neither a frame nor an end, nor what a crash has left of one.
fn has_nothing(mut reader: Reader) -> bool {
    let start = reader.behind();
    reader.next().is_some_and(|next| next.is_err_and(|error| error.is_torn())) && reader.behind() == start
}
