//! From memory into a file, and that into its place.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memchr::memmem;

use super::Mode;
use super::mask::Mask;
use crate::connect::replay::ReplayError;
use crate::connect::replay::script::Wanted;
use crate::tape::{self, Edge, Entry, EntryKind, Sink, Tape, TapeError, json, lines};

/// A tape that is to be recorded anew.
pub(super) struct Old {
    pub(super) tape: Tape,
    /// Something was masked for the place where it stood.
    pub(super) has_places: bool,
}

/// What stands on such a tape.
#[derive(Default)]
struct Seen {
    session: Option<Option<Arc<str>>>,
    edge: Option<Edge>,
    has_places: bool,
}

impl Seen {
    fn entry(&mut self, entry: Entry) -> Result<(), &'static str> {
        use crate::message::Direction::ToClient;
        use EntryKind::{End, Lost, Notification, Request, Response};
        self.has_places |= memmem::find(&entry.bytes, b"[REDACTED:path").is_some();
        match entry.kind {
            End | Lost => return Ok(()),
            // What a connector answers by itself is recorded, too.
            Request | Notification | Response
                if entry.component.is_none() && (!entry.synthetic || entry.direction == ToClient) => {}
            _ => return Err("it holds more than messages"),
        }
        if *self.edge.get_or_insert(entry.edge) != entry.edge {
            return Err(OTHER_EDGE);
        }
        match &self.session {
            Some(session) if *session != entry.session => Err("it holds several sessions"),
            _ => {
                self.session = Some(entry.session);
                Ok(())
            }
        }
    }

    /// Whether it is what would be recorded.
    fn check(&self, wanted: &Wanted) -> Result<(), &'static str> {
        let session = self.session.as_ref().and_then(Option::as_deref);
        if wanted.session.as_deref().is_some_and(|name| session.is_some_and(|session| session != name)) {
            return Err("it holds another session");
        }
        if self.edge.is_some_and(|edge| edge != wanted.edge.unwrap_or_default()) {
            return Err(OTHER_EDGE);
        }
        Ok(())
    }
}

const OTHER_EDGE: &str = "it holds what was seen at another edge";

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

    /// What is there, if anything is, and may be recorded anew: only what a recording would be.
    pub(super) fn old(&self, wanted: &Wanted) -> Result<Option<Old>, ReplayError> {
        if fs::symlink_metadata(&self.path).is_err() {
            return Ok(None);
        }
        let mut source = tape::open(&self.path)?;
        if !self.is_of_format() {
            return Err(self.kept("it is of another format than its name says"));
        }
        let mut seen = Seen::default();
        for entry in &mut *source {
            let entry = match entry {
                Err(error) if error.is_torn() => break,
                entry => entry?,
            };
            seen.entry(entry).map_err(|why| self.kept(why))?;
        }
        seen.check(wanted).map_err(|why| self.kept(why))?;
        let tape = source.tape().clone();
        if !tape.components.is_empty() || !tape.labels.is_empty() {
            return Err(self.kept("it has components or labels"));
        }
        if tape.part.is_some() {
            return Err(self.kept("it is a part of a longer one"));
        }
        Ok(Some(Old { tape, has_places: seen.has_places }))
    }

    /// What masks a recording as the old one was masked.
    pub(super) fn mask(&self, old: Option<&Old>, unmasked: bool) -> Result<Mask, ReplayError> {
        Mask::as_on(old, unmasked).map_err(|why| self.kept(why))
    }

    /// Neither packed nor of another format; it can be opened.
    fn is_of_format(&self) -> bool {
        let mut first = [0];
        let is_read = File::open(&self.path).and_then(|mut file| file.read_exact(&mut first)).is_ok();
        let is_text = first == *b"{" || first[0].is_ascii_whitespace();
        is_read && is_text && (lines::Reader::open(&self.path).is_ok() == self.is_lines)
    }

    pub(super) fn kept(&self, why: &'static str) -> ReplayError {
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
