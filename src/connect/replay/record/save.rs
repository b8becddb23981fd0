//! From memory into a file, and that into its place.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memchr::memmem;

use super::Mode;
use super::mask::Mask;
use crate::connect::replay::script::Wanted;
use crate::connect::replay::{Options, ReplayError};
use crate::tape::kept::Chosen;
use crate::tape::{
    self, Edge, Entry, EntryKind, OpenOptions, Purpose, Sink, Source, Tape, TapeError, found, json, lines,
};

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
        let is_other = |session: &Arc<str>| match &wanted.session {
            Chosen::Only => false,
            Chosen::Named(name) => session != name,
            Chosen::Unnamed => true,
        };
        if self.session.iter().flatten().any(is_other) {
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
    opening: OpenOptions,
}

impl Place {
    /// In the format that the name asks for: JSON, which people read, or JSON Lines, which can have keys.
    pub(super) fn new(path: &Path, opening: &OpenOptions) -> Result<Self, ReplayError> {
        let is_lines = match path.extension().and_then(std::ffi::OsStr::to_str) {
            Some("json") => false,
            Some("jsonl") => true,
            _ => return Err(ReplayError::Name(path.display().to_string())),
        };
        if !is_lines && opening.to_write().is_some() {
            return Err(ReplayError::NoKeys(path.display().to_string()));
        }
        let opening = opening.clone().purpose(Purpose::Update);
        Ok(Self { path: path.to_owned(), is_lines, opening })
    }

    /// The tape that [`old`](Self::old) has just opened.
    pub(super) fn again(&self) -> Result<Box<dyn Source>, TapeError> {
        tape::open_with(&self.path, &self.opening.keys())
    }

    /// What is there, if anything is, and may be recorded anew: only what a recording would be.
    pub(super) fn old(&self, wanted: &Wanted) -> Result<Option<Old>, ReplayError> {
        if fs::symlink_metadata(&self.path).is_err() {
            return Ok(None);
        }
        let mut source = tape::open_with(&self.path, &self.opening)?;
        self.check_format().map_err(|why| self.kept(why))?;
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

    /// What masks a recording as the options say, and as the old one was masked.
    pub(super) fn mask(&self, old: Option<&Old>, options: &Options) -> Result<Mask, ReplayError> {
        Mask::as_on(old, options).map_err(|why| self.kept(why))
    }

    /// It can be opened, and is as it would be written.
    fn check_format(&self) -> Result<(), &'static str> {
        let lines = lines::Reader::open_with(&self.path, &self.opening.keys()).ok();
        if lines.is_some() != self.is_lines || !(self.opening.is_sealed() || self.is_text()) {
            return Err("it is of another format than its name says");
        }
        match lines.is_some_and(|lines| lines.has_chain()) && !self.opening.is_chained() {
            true => Err("it has a chain, of which the key is missing"),
            false => Ok(()),
        }
    }

    /// Not packed.
    fn is_text(&self) -> bool {
        let mut first = [0];
        let is_read = found::read(&self.path).is_ok_and(|mut file| file.read_exact(&mut first).is_ok());
        is_read && (first == *b"{" || first[0].is_ascii_whitespace())
    }

    /// Its name, for people.
    pub(super) fn shown(&self) -> String {
        self.path.display().to_string()
    }

    pub(super) fn kept(&self, why: &'static str) -> ReplayError {
        ReplayError::Kept { path: self.shown(), why }
    }

    /// Writes the tape: where there is none, or for [`Mode::Update`] in the place of the old one, which stays whole
    /// until then.
    pub(super) fn save(&self, tape: Tape, entries: &[Entry], mode: Mode) -> Result<(), ReplayError> {
        self.opening.admit(&self.path, &tape)?;
        if mode != Mode::Update {
            return Ok(self.write(&self.path, tape, entries)?);
        }
        let beside = self.beside();
        self.write(&beside, tape, entries)?;
        fs::rename(&beside, &self.path).map_err(|why| {
            let _ = fs::remove_file(&beside);
            ReplayError::Replace { path: self.shown(), why }
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
            true => {
                let options = self.opening.to_write().unwrap_or_default();
                Box::new(lines::Writer::create_with(path, &tape, &options)?)
            }
            false => Box::new(json::Writer::create(path, &tape)?),
        };
        let written = entries.iter().try_for_each(|entry| sink.append(entry)).and_then(|()| sink.finish());
        if written.is_err() {
            let _ = fs::remove_file(path); // ours, and not whole
        }
        written
    }
}
