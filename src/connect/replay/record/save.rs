//! From memory into a file, and that into its place.

use std::fs;
use std::path::{Path, PathBuf};

use super::Mode;
use crate::connect::replay::ReplayError;
use crate::tape::{Entry, Sink, Tape, TapeError, json, lines};

/// Writes the tape: where there is none, or for [`Mode::Update`] in the place of the old one, which stays whole until
/// then.
pub(super) fn save(path: &Path, entries: &[Entry], mode: Mode) -> Result<(), ReplayError> {
    if mode != Mode::Update {
        return Ok(write(path, path, entries)?);
    }
    let beside = beside(path);
    write(&beside, path, entries)?;
    fs::rename(&beside, path).map_err(|why| {
        let _ = fs::remove_file(&beside);
        ReplayError::Replace { path: path.display().to_string(), why }
    })
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    name.into()
}

/// In the format that the name asks for: JSON Lines for `.jsonl`, else JSON, which people read.
fn write(path: &Path, name: &Path, entries: &[Entry]) -> Result<(), TapeError> {
    let mut tape = Tape::new()?;
    tape.duration = entries.last().map(|last| last.at);
    let mut sink: Box<dyn Sink> = match name.extension().and_then(std::ffi::OsStr::to_str) {
        Some("jsonl") => Box::new(lines::Writer::create(path, &tape)?),
        _ => Box::new(json::Writer::create(path, &tape)?),
    };
    let written = entries.iter().try_for_each(|entry| sink.append(entry)).and_then(|()| sink.finish());
    if written.is_err() {
        let _ = fs::remove_file(path); // ours, and not whole
    }
    written
}
