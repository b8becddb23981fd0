//! Reading one JSON document, however large.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::cursor::{Cursor, Stop};
use crate::file;
use crate::message::write_string;
use crate::protocol::peek;
use crate::tape::lines::follows;
use crate::tape::{
    Entry, MAX_FRAME_BYTES, Source, Tape, TapeError, frame, head, object::Style, text, version,
};

/// Bytes of a key, at most.
const MAX_KEY: usize = 1 << 10;

/// Reads a tape that is one JSON document, one entry at a time: the document is never in memory.
///
/// ```no_run
/// use shadowcat::tape::{Source, json};
///
/// let mut tape = json::Reader::open("tests/tapes/echo.json")?;
/// println!("{}", tape.tape().id);
/// for entry in &mut tape {
///     println!("{}", entry?.kind);
/// }
/// # Ok::<(), shadowcat::tape::TapeError>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    cursor: Cursor<BufReader<File>>,
    path: PathBuf,
    tape: Tape,
    frame: Option<u64>,
    frames: u64,
    max: usize,
    done: bool,
}

/// The members of the document but `frames`, as an object of its own.
#[derive(Debug)]
struct Members {
    json: Vec<u8>,
    /// Where the elements of `frames` begin.
    frames: Option<u64>,
}

impl Reader {
    /// Opens a tape. Where `frames` stands before the rest, the document is gone through once to find the rest.
    ///
    /// # Errors
    ///
    /// It cannot be read, is no such tape, or of another version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TapeError> {
        let path = path.as_ref();
        Self::of(file::read(path).map_err(|error| TapeError::io(path.display(), error))?, path)
    }

    /// Of a file that may be read, at its beginning.
    pub(in crate::tape) fn of(file: File, path: &Path) -> Result<Self, TapeError> {
        let mut cursor = Cursor::new(BufReader::with_capacity(64 << 10, file), 0);
        let mut members = Members { json: b"{".to_vec(), frames: None };
        let title =
            title(&mut cursor, &mut members).map_err(|stop| stopped(path, cursor.at(), stop, true))?;
        let tape = understand(path, &title)?;
        let start = members.frames.ok_or_else(|| TapeError::foreign(path, "it has no frames"))?;
        if cursor.at() != start {
            cursor = rewound(cursor, start).map_err(|error| TapeError::io(path.display(), error))?;
        }
        let (path, max) = (path.to_owned(), MAX_FRAME_BYTES);
        Ok(Self { cursor, path, tape, frame: None, frames: 0, max, done: false })
    }

    /// Bytes of one frame at most; 64 MiB by default.
    pub fn max_frame_bytes(mut self, bytes: usize) -> Self {
        self.max = bytes;
        self
    }

    fn step(&mut self) -> Result<Option<Entry>, TapeError> {
        match self.element() {
            Ok(Some(json)) => self.entry(&json).map(Some),
            Ok(None) => self.rest().map(|()| None),
            Err(Stop::TooLarge) => Err(TapeError::too_large(self.place(), self.max)),
            Err(stop) => Err(stopped(&self.path, self.cursor.at(), stop, false)),
        }
    }

    fn element(&mut self) -> Result<Option<Vec<u8>>, Stop> {
        if self.cursor.take(b']')? {
            return Ok(None);
        }
        if self.frames > 0 {
            self.cursor.expect(b',', "frames are parted by commas")?;
        }
        let mut json = Vec::new();
        self.cursor.value(&mut json, self.max)?;
        self.frames += 1;
        Ok(Some(json))
    }

    fn entry(&mut self, json: &[u8]) -> Result<Entry, TapeError> {
        if !text::is_json(json) {
            return Err(TapeError::damaged(self.place(), "it is no JSON"));
        }
        let style = Style::Pretty(0);
        let (number, entry) =
            frame::read(json, style).map_err(|why| TapeError::damaged(self.place(), why))?;
        follows(self.frame, number).map_err(|why| TapeError::damaged(self.place(), why))?;
        self.frame = number;
        Ok(entry)
    }

    /// What stands behind the frames.
    fn rest(&mut self) -> Result<(), TapeError> {
        let mut members = Members { json: b"{".to_vec(), frames: None };
        let failed = |cursor: &Cursor<_>, stop| stopped(&self.path, cursor.at(), stop, false);
        while self.cursor.take(b',').map_err(|stop| failed(&self.cursor, stop))? {
            members.read(&mut self.cursor, true).map_err(|stop| failed(&self.cursor, stop))?;
        }
        let end = "the document ends with a brace";
        self.cursor.expect(b'}', end).map_err(|stop| failed(&self.cursor, stop))?;
        let members = members.finish();
        let last =
            peek::member(&members, "metadata_at_end").ok().flatten().filter(|_| text::is_json(&members));
        if let Some(last) = last {
            let damaged =
                |why| TapeError::damaged(format_args!("{}: metadata_at_end", self.path.display()), why);
            self.tape = head::read(last).map_err(damaged)?;
        }
        Ok(())
    }

    fn place(&self) -> String {
        format!(
            "{}: frame {} of the document, before byte {}",
            self.path.display(),
            self.frames,
            self.cursor.at()
        )
    }
}

impl Members {
    /// Reads a member. Where it is `frames`, its elements are passed or left to be read.
    fn read(&mut self, cursor: &mut Cursor<BufReader<File>>, pass_frames: bool) -> Result<(), Stop> {
        let mut key = Vec::new();
        cursor.value(&mut key, MAX_KEY)?;
        let key = peek::string(&key).map_err(|_| Stop::Unexpected("a key is a text"))?.into_owned();
        cursor.expect(b':', "a key is followed by a colon")?;
        if key != "frames" {
            if self.json.len() > 1 {
                self.json.push(b',');
            }
            write_string(&mut self.json, &key);
            self.json.push(b':');
            return cursor.value(&mut self.json, version::MAX_TITLE);
        }
        if self.frames.is_some() {
            return Err(Stop::Unexpected("\"frames\" stands twice"));
        }
        if cursor.peek()? != Some(b'[') {
            return Err(Stop::Unexpected("frames is a list"));
        }
        self.frames = Some(cursor.at() + 1);
        if pass_frames { cursor.pass() } else { cursor.expect(b'[', "frames is a list") }
    }

    /// Whether it says enough of the tape.
    fn is_enough(&self) -> bool {
        let has = |key: &str| matches!(peek::member(&self.json, key), Ok(Some(_)));
        has("version") && has("tape_id") && has("metadata")
    }

    fn finish(mut self) -> Vec<u8> {
        self.json.push(b'}');
        self.json
    }
}

/// Reads up to the frames, or all of the document where the rest comes after them.
fn title(cursor: &mut Cursor<BufReader<File>>, members: &mut Members) -> Result<Vec<u8>, Stop> {
    cursor.expect(b'{', "a tape is a JSON object")?;
    let mut empty = true;
    while !cursor.take(b'}')? {
        if !empty {
            cursor.expect(b',', "members are parted by commas")?;
        }
        empty = false;
        let enough = members.is_enough();
        let before = members.frames;
        members.read(cursor, !enough)?;
        if enough && before.is_none() && members.frames.is_some() {
            break;
        }
    }
    let members = std::mem::replace(members, Members { json: Vec::new(), frames: members.frames });
    Ok(members.finish())
}

fn understand(path: &Path, title: &[u8]) -> Result<Tape, TapeError> {
    if !text::is_json(title) {
        return Err(TapeError::foreign(path, "it is no JSON"));
    }
    version::check(path, title)?;
    let last = peek::member(title, "metadata_at_end").ok().flatten();
    head::read(last.unwrap_or(title)).map_err(|why| TapeError::foreign(path, why))
}

fn rewound(cursor: Cursor<BufReader<File>>, to: u64) -> std::io::Result<Cursor<BufReader<File>>> {
    let mut input = cursor.into_inner();
    input.seek(SeekFrom::Start(to))?;
    Ok(Cursor::new(input, to))
}

fn stopped(path: &Path, at: u64, stop: Stop, title: bool) -> TapeError {
    let place = format!("{}: byte {at}", path.display());
    match stop {
        Stop::Io(error) => TapeError::io(path.display(), error),
        Stop::Unexpected(why) if title => TapeError::foreign(path, why),
        Stop::Unexpected(why) => TapeError::damaged(place, why),
        Stop::TooLarge => TapeError::too_large(place, version::MAX_TITLE),
        Stop::End if title => TapeError::foreign(path, "it is no whole JSON document"),
        Stop::End => TapeError::torn(place, "it was not finished, or was cut"),
    }
}

impl Iterator for Reader {
    type Item = Result<Entry, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.step().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

impl Source for Reader {
    fn tape(&self) -> &Tape {
        &self.tape
    }
}
