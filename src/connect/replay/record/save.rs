//! From memory into a file, and that into its place.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Mode;
use crate::connect::replay::ReplayError;
use crate::connect::replay::script::Wanted;
use crate::tape::{self, Entry, EntryKind, Sink, Tape, TapeError, json, lines};

/// Where a recording goes, and as what.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    is_lines: bool,
}

impl Place {
    /// In the format that the name asks for: JSON, which people read, or JSON Lines.
    pub(super) fn new(path: &Path) -> Result<Self, ReplayError> {
        let is_lines = match path.extension().and_then(std::ffi::OsStr::to_str) {
            Some("json") => false,
            Some("jsonl") => true,
            _ => return Err(ReplayError::Name(path.display().to_string())),
        };
        Ok(Self { path: path.to_owned(), is_lines })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether what is there, if anything is, may be recorded anew: only what a recording would be.
    pub(super) fn check(&self, wanted: &Wanted) -> Result<(), ReplayError> {
        if fs::symlink_metadata(&self.path).is_err() {
            return Ok(());
        }
        let mut source = tape::open(&self.path)?;
        if !self.is_of_format() {
            return Err(self.kept("it is of another format than its name says"));
        }
        let (mut sessions, mut edges) = (BTreeSet::new(), BTreeSet::new());
        for entry in &mut *source {
            let entry = match entry {
                Err(error) if error.is_torn() => break,
                entry => entry?,
            };
            if matches!(entry.kind, EntryKind::Request | EntryKind::Notification | EntryKind::Response) {
                sessions.insert(entry.session);
                edges.insert(entry.edge.as_str());
            }
            if sessions.len() > 1 {
                return Err(self.kept("it holds several sessions"));
            }
        }
        let is_other = |name: &str| sessions.iter().flatten().any(|session| **session != *name);
        if wanted.session.as_deref().is_some_and(is_other) {
            return Err(self.kept("it holds another session"));
        }
        if edges.len() > 1
            || edges.first().is_some_and(|edge| *edge != wanted.edge.unwrap_or_default().as_str())
        {
            return Err(self.kept("it holds what was seen at another edge"));
        }
        Ok(())
    }

    /// Neither packed nor of another format; it can be opened.
    fn is_of_format(&self) -> bool {
        let mut first = [0];
        let is_read = File::open(&self.path).and_then(|mut file| file.read_exact(&mut first)).is_ok();
        let is_text = first == *b"{" || first[0].is_ascii_whitespace();
        is_read && is_text && (lines::Reader::open(&self.path).is_ok() == self.is_lines)
    }

    fn kept(&self, why: &'static str) -> ReplayError {
        ReplayError::Kept { path: self.path.display().to_string(), why }
    }

    /// Writes the tape: where there is none, or for [`Mode::Update`] in the place of the old one, which stays whole
    /// until then.
    pub(super) fn save(&self, tape: Tape, entries: &[Entry], mode: Mode) -> Result<(), ReplayError> {
        if mode != Mode::Update {
            return Ok(self.write(&self.path, tape, entries)?);
        }
        let beside = self.beside();
        self.write(&beside, tape, entries)?;
        fs::rename(&beside, &self.path).map_err(|why| {
            let _ = fs::remove_file(&beside);
            ReplayError::Replace { path: self.path.display().to_string(), why }
        })
    }

    fn beside(&self) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        name.into()
    }

    fn write(&self, path: &Path, mut tape: Tape, entries: &[Entry]) -> Result<(), TapeError> {
        tape.duration = entries.last().map(|last| last.at);
        let mut sink: Box<dyn Sink> = match self.is_lines {
            true => Box::new(lines::Writer::create(path, &tape)?),
            false => Box::new(json::Writer::create(path, &tape)?),
        };
        let written = entries.iter().try_for_each(|entry| sink.append(entry)).and_then(|()| sink.finish());
        if written.is_err() {
            let _ = fs::remove_file(path); // ours, and not whole
        }
        written
    }
}
