//! Writing one JSON document.

use std::fs::File;
use std::path::Path;
use std::time::Instant;

use crate::message::write_string;
use crate::tape::appender::{Appender, create, lock};
use crate::tape::object::{Object, Style};
use crate::tape::pack::Pack;
use crate::tape::{Entry, Sink, Tape, TapeError, VERSION, frame, head};

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
    frames: u64,
    finished: bool,
}

impl Writer {
    /// Makes the file, with mode 0600.
    ///
    /// # Errors
    ///
    /// It exists, or cannot be made.
    pub fn create(path: impl AsRef<Path>, tape: &Tape) -> Result<Self, TapeError> {
        let path = path.as_ref();
        create(path, |file| Self::begin(file, path, tape))
    }

    fn begin(file: File, path: &Path, tape: &Tape) -> Result<Self, TapeError> {
        lock(&file, path)?;
        let mut file = Appender::new(file, path, 0, Pack::default());
        file.add(|out| {
            let mut object = Object::new(out, Style::Pretty(0));
            object.text("version", VERSION);
            head::write(&mut object, tape);
            object.key("frames").push(b'[');
        })?;
        Ok(Self { file, title: tape.clone(), tape: tape.clone(), frames: 0, finished: false })
    }

    /// How many frames it has.
    pub fn frames(&self) -> u64 {
        self.frames
    }
}

impl Sink for Writer {
    fn append(&mut self, entry: &Entry) -> Result<(), TapeError> {
        if self.finished {
            return Err(TapeError::damaged(self.file.path().display(), "the document has ended"));
        }
        let number = self.frames + 1;
        self.file.add(|out| {
            if number > 1 {
                out.push(b',');
            }
            ELEMENT.line(out);
            frame::write(out, ELEMENT, number, entry);
        })?;
        self.frames = number;
        Ok(())
    }

    fn update(&mut self, tape: &Tape) -> Result<(), TapeError> {
        self.tape = tape.clone();
        Ok(())
    }

    fn commit(&mut self) -> Result<(), TapeError> {
        self.file.commit()
    }

    fn due(&self) -> Option<Instant> {
        self.file.due()
    }

    fn finish(&mut self) -> Result<(), TapeError> {
        if !self.finished {
            let (title, tape, frames) = (&self.title, &self.tape, self.frames);
            self.file.add(|out| end(out, title, tape, frames))?;
            self.finished = true;
        }
        self.file.commit()?;
        self.file.sync()
    }
}

fn end(out: &mut Vec<u8>, title: &Tape, tape: &Tape, frames: u64) {
    if frames > 0 {
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
