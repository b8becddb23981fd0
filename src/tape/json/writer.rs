//! Writing one JSON document.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use super::beside;
use crate::message::write_string;
use crate::tape::appender::{Appender, create, lock};
use crate::tape::object::{Object, Style};
use crate::tape::pack::Pack;
use crate::tape::rotating::{Before, PartWriter};
use crate::tape::{Entry, Sink, Tape, TapeError, VERSION, frame, head, name};

/// Inside the document.
const MEMBER: Style = Style::Pretty(1);
/// Inside `frames`.
const ELEMENT: Style = Style::Pretty(2);

/// Writes a tape as one JSON document. It is whole when it was [finished](Sink::finish).
///
/// ```
/// use shadowcat::tape::{Entry, Sink, Tape, json};
/// use shadowcat::{Direction, JsonRpcMessage};
///
/// # let path = std::env::temp_dir().join(format!("shadowcat-json-{}.json", std::process::id()));
/// let mut tape = json::Writer::create(&path, &Tape::new()?)?;
/// let ping = JsonRpcMessage::request(1, "ping", r#"{"a":1.50}"#)?;
/// tape.append(&Entry::message(&ping, Direction::ToUpstream))?;
/// tape.finish()?;
/// # let text = std::fs::read_to_string(&path)?;
/// assert!(text.contains(r#"        "method": "ping","#));
/// assert!(text.contains(r#""raw": "{"#)); // another tool might write 1.5
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Writer {
    file: Appender,
    /// As it stands at the beginning of the file.
    title: Tape,
    tape: Tape,
    /// What stands in the files before.
    before: Before,
    frames: u64,
    /// When the last one was said.
    at: Option<Duration>,
    finished: bool,
}

impl Writer {
    /// Makes the file, with mode 0600.
    ///
    /// # Errors
    ///
    /// It exists, or cannot be made.
    pub fn create(path: impl AsRef<Path>, tape: &Tape) -> Result<Self, TapeError> {
        Self::create_after(path.as_ref(), tape, Before::default())
    }

    /// A part of a tape, after others.
    pub(in crate::tape) fn create_after(path: &Path, tape: &Tape, before: Before) -> Result<Self, TapeError> {
        create(path, |file| Self::begin(file, path, tape, before))
    }

    /// In the place of such a part that has no frame of its own, of which always the one or the other is there.
    pub(in crate::tape) fn replace(path: &Path, tape: &Tape, before: Before) -> Result<Self, TapeError> {
        let beside = beside(path);
        create(&beside, |file| {
            let writer = Self::begin(file, path, tape, before)?;
            writer.file.sync()?;
            fs::rename(&beside, path).map_err(|error| TapeError::io(path.display(), error))?;
            Ok(writer)
        })
    }

    fn begin(file: File, path: &Path, tape: &Tape, before: Before) -> Result<Self, TapeError> {
        lock(&file, path)?;
        name::check_title(tape, path)?;
        let mut file = Appender::new(file, path, 0, Pack::default());
        file.add(|out| {
            let mut object = Object::new(out, Style::Pretty(0));
            object.text("version", VERSION);
            head::write(&mut object, tape);
            before.write(&mut object);
            object.key("frames").push(b'[');
        })?;
        // A crash leaves nothing of which nobody knows what it is.
        file.commit()?;
        let (title, tape, Before { frames, at, .. }) = (tape.clone(), tape.clone(), before);
        Ok(Self { file, title, tape, before, frames, at, finished: false })
    }

    /// Ends the document.
    fn end_here(&mut self) -> Result<(), TapeError> {
        if !self.finished {
            let (title, tape, is_empty) = (&self.title, &self.tape, self.is_empty());
            self.file.add(|out| end(out, title, tape, is_empty))?;
            self.finished = true;
        }
        self.file.commit()
    }

    /// The number of the last frame.
    pub fn frames(&self) -> u64 {
        self.frames
    }
}

impl Sink for Writer {
    fn append(&mut self, entry: &Entry) -> Result<(), TapeError> {
        if self.finished {
            return Err(TapeError::damaged(self.file.path().display(), "the document has ended"));
        }
        name::check(entry, self.file.path())?;
        let (number, is_first) = (self.frames + 1, self.is_empty());
        self.file.add(|out| {
            if !is_first {
                out.push(b',');
            }
            ELEMENT.line(out);
            frame::write(out, ELEMENT, number, entry);
        })?;
        (self.frames, self.at) = (number, Some(entry.at));
        Ok(())
    }

    /// The tape keeps its name.
    fn update(&mut self, tape: &Tape) -> Result<(), TapeError> {
        name::check_title(tape, self.file.path())?;
        self.tape = Tape { id: self.tape.id.clone(), ..tape.clone() };
        Ok(())
    }

    fn commit(&mut self) -> Result<(), TapeError> {
        self.file.commit()
    }

    fn due(&self) -> Option<Instant> {
        self.file.due()
    }

    fn finish(&mut self) -> Result<(), TapeError> {
        self.end_here()?;
        self.file.sync()
    }

    fn last_at(&self) -> Option<Duration> {
        self.at
    }
}

impl PartWriter for Writer {
    fn tape(&self) -> &Tape {
        &self.tape
    }

    fn bytes(&self) -> u64 {
        self.file.len()
    }

    fn is_empty(&self) -> bool {
        self.frames == self.before.frames
    }

    fn reached(&self) -> Before {
        Before { frames: self.frames, at: self.at, tip: None }
    }

    fn set_durable(&mut self, durable: bool) -> Result<(), TapeError> {
        self.file.durable(durable);
        Ok(())
    }

    /// Nothing can stand behind the end of a document.
    fn end(&mut self) -> Result<(), TapeError> {
        self.file.commit()
    }

    fn close(&mut self) -> Result<(), TapeError> {
        self.end_here()
    }
}

fn end(out: &mut Vec<u8>, title: &Tape, tape: &Tape, is_empty: bool) {
    if !is_empty {
        MEMBER.line(out);
    }
    out.push(b']');
    if title != tape {
        out.push(b',');
        MEMBER.line(out);
        write_string(out, "metadata_at_end");
        out.extend_from_slice(b": ");
        let mut object = Object::new(out, MEMBER);
        head::write(&mut object, tape);
        object.end();
    }
    out.extend_from_slice(b"\n}\n");
}
