//! Writing JSON Lines.

use std::path::Path;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::last::{self, Tail};
use super::reader;
use crate::file;
use crate::message::write_string;
use crate::tape::appender::{Appender, lock};
use crate::tape::object::{Object, Style};
use crate::tape::{Entry, Sink, Tape, TapeError, VERSION, frame, head};

/// Writes a tape as JSON Lines.
///
/// ```
/// use shadowcat::tape::{Entry, Sink, Tape, lines};
/// use shadowcat::{Direction, JsonRpcMessage};
///
/// # let path = std::env::temp_dir().join(format!("shadowcat-lines-{}.jsonl", std::process::id()));
/// let ping = Entry::message(&JsonRpcMessage::request(1, "ping", "{}")?, Direction::ToUpstream);
/// let mut tape = lines::Writer::create(&path, &Tape::new()?)?;
/// tape.append(&ping)?;
/// drop(tape);
///
/// let mut tape = lines::Writer::resume(&path)?; // after a crash, say
/// assert_eq!((tape.frames(), tape.torn()), (1, None));
/// tape.append(&ping)?;
/// tape.finish()?;
/// assert_eq!(lines::Reader::open(&path)?.count(), 2);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Writer {
    file: Appender,
    tape: Tape,
    frames: u64,
    torn: Option<u64>,
}

impl Writer {
    /// Makes the file, with mode 0600.
    ///
    /// # Errors
    ///
    /// It exists, or cannot be made.
    pub fn create(path: impl AsRef<Path>, tape: &Tape) -> Result<Self, TapeError> {
        Self::create_after(path.as_ref(), tape, 0)
    }

    /// The part of a tape that begins after so many frames.
    pub(super) fn create_after(path: &Path, tape: &Tape, frames: u64) -> Result<Self, TapeError> {
        let file = file::create_new(path).map_err(|error| TapeError::io(path.display(), error))?;
        lock(&file, path)?;
        let file = Appender::new(file, path, 0);
        let mut writer = Self { file, tape: tape.clone(), frames, torn: None };
        writer.file.add(|out| title(out, Some(VERSION), tape))?;
        // Whoever watches it knows at once what it is.
        writer.file.commit()?;
        Ok(writer)
    }

    /// Goes on with a tape. What a crash left of a last line stays in the file, in a line that says so.
    ///
    /// # Errors
    ///
    /// It is no such tape; others may read or write the file; somebody is writing to it.
    pub fn resume(path: impl AsRef<Path>) -> Result<Self, TapeError> {
        let path = path.as_ref();
        let file = file::append(path).map_err(|error| TapeError::io(path.display(), error))?;
        lock(&file, path)?;
        reader::title(&file, path)?;
        let tail = last::find(&file, path)?;
        file.set_len(tail.whole).map_err(|error| TapeError::io(path.display(), error))?;
        let file = Appender::new(file, path, tail.whole);
        let mut writer = Self { file, tape: tail.tape.clone(), frames: tail.frames, torn: None };
        writer.tell(&tail)?;
        Ok(writer)
    }

    fn tell(&mut self, tail: &Tail) -> Result<(), TapeError> {
        if tail.lacks_line_break {
            self.file.add(|out| out.push(b'\n'))?;
        }
        if tail.torn > 0 {
            self.torn = Some(tail.torn);
            self.file.add(|out| torn(out, &tail.rest, tail.torn))?;
        }
        self.file.commit()
    }

    /// Whether [`commit`](Sink::commit) waits until the disk has it, so that it survives a power failure too. Off by
    /// default.
    pub fn durable(mut self, durable: bool) -> Self {
        self.file.durable(durable);
        self
    }

    /// The number of the last frame.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// How many bytes a crash had left of a line, in a file that was resumed.
    pub fn torn(&self) -> Option<u64> {
        self.torn
    }

    /// Bytes of the file, with what is still in memory.
    pub fn bytes(&self) -> u64 {
        self.file.len()
    }

    pub(super) fn tape(&self) -> &Tape {
        &self.tape
    }
}

impl Sink for Writer {
    fn append(&mut self, entry: &Entry) -> Result<(), TapeError> {
        let number = self.frames + 1;
        self.file.add(|out| {
            frame::write(out, Style::Line, number, entry);
            out.push(b'\n');
        })?;
        self.frames = number;
        Ok(())
    }

    fn update(&mut self, tape: &Tape) -> Result<(), TapeError> {
        if self.tape == *tape {
            return Ok(());
        }
        self.file.add(|out| title(out, None, tape))?;
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
        let frames = self.frames;
        self.file.add(|out| {
            let mut object = Object::new(out, Style::Line);
            object.number("end", frames);
            object.end();
            out.push(b'\n');
        })?;
        self.file.commit()?;
        self.file.sync()
    }
}

fn title(out: &mut Vec<u8>, version: Option<&str>, tape: &Tape) {
    let mut object = Object::new(out, Style::Line);
    object.some_text("version", version);
    head::write(&mut object, tape);
    object.end();
    out.push(b'\n');
}

/// `rest` may be only the beginning of so many bytes.
fn torn(out: &mut Vec<u8>, rest: &[u8], bytes: u64) {
    let mut object = Object::new(out, Style::Line);
    object.number("torn", bytes);
    match std::str::from_utf8(rest) {
        Ok(raw) => write_string(object.key("raw"), raw),
        Err(_) => object.text("raw_base64", &STANDARD.encode(rest)),
    }
    object.end();
    out.push(b'\n');
}
