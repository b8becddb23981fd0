//! Writing JSON Lines.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use super::chain::Chain;
use super::last::{self, Tail};
use super::reader::NOT_SEALED;
use super::{Options, entry, fact};
use crate::key::hex;
use crate::tape::appender::{Appender, create, lock};
use crate::tape::rotating::Before;
use crate::tape::version::MAX_TITLE;
use crate::tape::{Entry, MAX_FRAME_BYTES, Sink, Tape, TapeError, found, name, pack};

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
    pub(super) file: Appender,
    pub(super) chain: Option<Chain>,
    tape: Tape,
    /// Frames of the parts before.
    pub(super) before: u64,
    frames: u64,
    /// When the last one was said.
    at: Option<Duration>,
    torn: Option<u64>,
    /// Nothing came after its end.
    ended: bool,
}

impl Writer {
    /// Makes the file, with mode 0600.
    ///
    /// # Errors
    ///
    /// It exists, or cannot be made.
    pub fn create(path: impl AsRef<Path>, tape: &Tape) -> Result<Self, TapeError> {
        Self::create_with(path, tape, &Options::new())
    }

    /// Makes the file, packed and bound as the options say.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create); the operating system has no random bytes to give.
    pub fn create_with(path: impl AsRef<Path>, tape: &Tape, options: &Options) -> Result<Self, TapeError> {
        Self::create_after(path.as_ref(), tape, options, Before::default())
    }

    /// A part of a tape, after others.
    pub(in crate::tape) fn create_after(
        path: &Path,
        tape: &Tape,
        options: &Options,
        before: Before,
    ) -> Result<Self, TapeError> {
        create(path, |file| Self::begin(file, path, tape, options, before))
    }

    fn begin(
        file: File,
        path: &Path,
        tape: &Tape,
        options: &Options,
        before: Before,
    ) -> Result<Self, TapeError> {
        lock(&file, path)?;
        name::check_title(tape, path)?;
        let pack = options.pack().map_err(|error| TapeError::io(path.display(), error))?;
        let mut chain = options.keys.chain.as_ref().map(Chain::new);
        if let Some((chain, tip)) = chain.as_mut().zip(before.tip) {
            chain.tip = tip;
        }
        let mut writer = Self::new(Appender::new(file, path, 0, pack), chain, tape, options);
        (writer.before, writer.frames, writer.at) = (before.frames, before.frames, before.at);
        writer.line(|out| fact::first(out, tape, &before))?;
        // Whoever watches it knows at once what it is.
        writer.file.commit()?;
        Ok(writer)
    }

    fn new(mut file: Appender, chain: Option<Chain>, tape: &Tape, options: &Options) -> Self {
        file.durable(options.durable);
        Self { file, chain, tape: tape.clone(), before: 0, frames: 0, at: None, torn: None, ended: false }
    }

    /// Goes on with a tape. What a crash left of a last line stays in the file, in a line that says so.
    ///
    /// # Errors
    ///
    /// It is no such tape; others may read or write the file; somebody is writing to it; it needs a key; there is no
    /// room. Then the file is as before.
    pub fn resume(path: impl AsRef<Path>) -> Result<Self, TapeError> {
        Self::resume_with(path, &Options::new())
    }

    /// Goes on with a tape, with its keys. It stays packed as it is; what a crash left of a piece that was packed is
    /// cut off, and a line says so.
    ///
    /// # Errors
    ///
    /// As [`resume`](Self::resume); a key is missing or wrong, or its chain does not hold: then it is as before.
    pub fn resume_with(path: impl AsRef<Path>, options: &Options) -> Result<Self, TapeError> {
        let path = path.as_ref();
        let failed = |error| TapeError::io(path.display(), error);
        let file = found::append(path)?;
        lock(&file, path)?;
        let ending = pack::ending(&file, path, options.keys.seal())?;
        if options.keys.seal().is_some() && !ending.is_sealed() {
            return Err(TapeError::key(path, NOT_SEALED));
        }
        let tail = last::find(&file, path, options, &ending)?;
        let pack = options.pack_on(&ending).map_err(failed)?;
        let behind = behind(&file, tail.whole).map_err(failed)?;
        file.set_len(tail.whole).map_err(failed)?;
        let mut writer =
            Self::new(Appender::new(file, path, tail.whole, pack), tail.chain.clone(), &tail.tape, options);
        (writer.before, writer.frames, writer.at) = (tail.before, tail.frames, tail.at);
        if let Err(error) = writer.tell(&tail) {
            writer.file.undo(tail.whole, &behind).map_err(failed)?;
            return Err(error);
        }
        Ok(writer)
    }

    fn tell(&mut self, tail: &Tail) -> Result<(), TapeError> {
        if tail.lacks_line_break {
            self.file.add(|out| out.push(b'\n'))?;
        }
        if tail.torn > 0 {
            self.torn = Some(tail.torn);
            self.line(|out| fact::torn(out, &tail.rest, tail.torn))?;
        }
        self.file.commit()
    }

    /// Adds a line, bound to those before it.
    fn line(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), TapeError> {
        let (chain, mut tip) = (self.chain.as_ref(), None);
        self.file.add(|out| {
            let start = out.len();
            write(out);
            tip = chain.map(|chain| chain.seal(out, start));
        })?;
        if let Some((chain, tip)) = self.chain.as_mut().zip(tip) {
            chain.tip = tip;
        }
        self.ended = false;
        Ok(())
    }

    /// Whether [`commit`](Sink::commit) waits until the disk has it, so that it survives a power failure too. Off by
    /// default.
    pub fn durable(mut self, durable: bool) -> Self {
        self.file.durable(durable);
        self
    }

    /// What is known of the tape; in a file that was resumed, as it was last said there.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// The number of the last frame.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// How many bytes a crash had left of a line, in a file that was resumed.
    pub fn torn(&self) -> Option<u64> {
        self.torn
    }

    /// The last MAC of the [chain](Options::chain), in hexadecimal digits; to be kept elsewhere by whoever wants to
    /// know that nothing was cut off behind it.
    pub fn chain_tip(&self) -> Option<String> {
        self.chain.as_ref().map(|chain| hex(&chain.tip))
    }

    /// Bytes of the file, with what is still in memory and not packed yet.
    pub fn bytes(&self) -> u64 {
        self.file.len()
    }

    /// Commits and says that the tape ends here, unless something comes after it.
    pub(super) fn end_here(&mut self) -> Result<(), TapeError> {
        let frames = self.frames;
        if !self.ended {
            self.line(|out| fact::end(out, frames))?;
            self.ended = true;
        }
        self.file.commit()
    }
}

impl Sink for Writer {
    fn append(&mut self, said: &Entry) -> Result<(), TapeError> {
        name::check(said, self.file.path())?;
        let number = self.frames + 1;
        self.line(|out| {
            entry::write(out, number, said);
            out.push(b'\n');
        })?;
        (self.frames, self.at) = (number, Some(said.at));
        Ok(())
    }

    /// The tape keeps its name.
    fn update(&mut self, tape: &Tape) -> Result<(), TapeError> {
        let tape = Tape { id: self.tape.id.clone(), ..tape.clone() };
        if self.tape == tape {
            return Ok(());
        }
        name::check_title(&tape, self.file.path())?;
        let mut title = Vec::new();
        fact::title(&mut title, &tape);
        if title.len() > MAX_TITLE {
            // As the first line of a next part nobody could read it.
            return Err(TapeError::too_large(self.file.path().display(), MAX_TITLE));
        }
        self.line(|out| out.extend_from_slice(&title))?;
        self.tape = tape;
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

/// What stands behind the whole lines. More than a line is nothing that a writer leaves.
fn behind(file: &File, whole: u64) -> io::Result<Vec<u8>> {
    let (mut file, mut bytes) = (file, Vec::new());
    file.seek(SeekFrom::Start(whole))?;
    file.take(MAX_FRAME_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}
