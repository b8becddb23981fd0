//! How a file of JSON Lines ends, to go on with it.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use super::Options;
use super::chain::{Chain, split};
use super::line::{LineKind, Next, first_line, read_line};
use crate::tape::pack::{Ending, Input};
use crate::tape::rotating::Before;
use crate::tape::{MAX_FRAME_BYTES, Tape, TapeError, frame, head, object::Style, text};

/// So much of a torn line is kept.
const MAX_REST: usize = 4 << 20;

/// How a file ends.
#[derive(Debug)]
pub(super) struct Tail {
    /// Where whole lines end.
    pub(super) whole: u64,
    /// The last whole line has no line break.
    pub(super) lacks_line_break: bool,
    /// Bytes of a line, or of what is packed, that is not whole.
    pub(super) torn: u64,
    /// Those bytes, or as many as are kept.
    pub(super) rest: Vec<u8>,
    /// Frames of the parts before.
    pub(super) before: u64,
    /// The number of the last frame.
    pub(super) frames: u64,
    /// When it was said.
    pub(super) at: Option<Duration>,
    /// What was last said of the tape.
    pub(super) tape: Tape,
    /// Where its chain stands.
    pub(super) chain: Option<Chain>,
}

/// Looks for the last frame, and for what was last said of the tape. Lines are told apart, not judged, except that
/// a chain must hold: a reader does the rest.
pub(super) fn find(file: &File, path: &Path, options: &Options, ending: &Ending) -> Result<Tail, TapeError> {
    let failed = |error| TapeError::io(path.display(), error);
    let copy = file.try_clone().map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut walk = Walk::begin(Input::open(copy, path, options.keys.seal(), ending.whole)?, path, options)?;
    while walk.step(path)? {}
    if ending.is_packed() && !walk.rest.is_empty() {
        let why = "its text ends in the middle of a line; copy it to another tape, and go on with that";
        return Err(TapeError::damaged(path.display(), why));
    }
    let torn = if ending.is_packed() { length - ending.whole } else { walk.rest.len() as u64 };
    let whole = if ending.is_packed() { ending.whole } else { walk.whole };
    walk.rest.truncate(MAX_REST);
    let (last, at) = last_frame(path, &walk.frame)?.unzip();
    let frames = last.unwrap_or(0).max(walk.before.frames);
    let reached = Before { frames, at: at.or(walk.before.at), tip: None }.checked(path)?;
    Ok(Tail {
        whole,
        lacks_line_break: walk.lacks_line_break,
        torn,
        before: walk.before.frames,
        frames: reached.frames,
        at: reached.at,
        tape: last_title(path, &walk.title)?,
        rest: walk.rest,
        chain: walk.chain,
    })
}

/// On the way through the lines.
struct Walk {
    input: Input,
    line: Vec<u8>,
    lines: u64,
    chain: Option<Chain>,
    whole: u64,
    before: Before,
    lacks_line_break: bool,
    rest: Vec<u8>,
    /// The last line that says something of the tape.
    title: Vec<u8>,
    /// The last line that is a frame.
    frame: Vec<u8>,
}

impl Walk {
    fn begin(mut input: Input, path: &Path, options: &Options) -> Result<Self, TapeError> {
        let mut line = Vec::new();
        let (_, has_line_break) = first_line(&mut input, &mut line, path)?;
        let chain = options.keys.chain.as_ref().map(Chain::new);
        if chain.is_none() && split(&line).is_some() {
            let why = "its lines are bound by a chain; go on with it with the key of the chain";
            return Err(TapeError::key(path, why));
        }
        let mut walk = Self {
            before: Before::read(&line),
            input,
            line,
            lines: 0,
            chain,
            whole: 0,
            lacks_line_break: !has_line_break,
            rest: Vec::new(),
            title: Vec::new(),
            frame: Vec::new(),
        };
        walk.take(path)?;
        Ok(walk)
    }

    /// Takes the next line, if there is one.
    fn step(&mut self, path: &Path) -> Result<bool, TapeError> {
        let next = read_line(&mut self.input, &mut self.line, MAX_FRAME_BYTES);
        match next.map_err(|error| TapeError::reading(path, error))? {
            Next::End => return Ok(false),
            Next::TooLong => {
                let place = format!("{}: the line at byte {} of its text", path.display(), self.whole);
                return Err(TapeError::too_large(place, MAX_FRAME_BYTES));
            }
            Next::Part if !text::is_json(&self.line) => {
                self.rest = std::mem::take(&mut self.line);
                return Ok(false);
            }
            Next::Part => self.lacks_line_break = true,
            Next::Line => {}
        }
        self.take(path)?;
        Ok(true)
    }

    fn take(&mut self, path: &Path) -> Result<(), TapeError> {
        self.lines += 1;
        self.whole += self.line.len() as u64 + u64::from(!self.lacks_line_break);
        if let Some(chain) = &mut self.chain {
            let damaged = |why| TapeError::damaged(format_args!("{}:{}", path.display(), self.lines), why);
            chain.check(&self.line, self.lines == 1).map_err(damaged)?;
        }
        match LineKind::of(&self.line) {
            LineKind::Frame => std::mem::swap(&mut self.line, &mut self.frame),
            LineKind::Title | LineKind::Version => std::mem::swap(&mut self.line, &mut self.title),
            LineKind::End | LineKind::Torn | LineKind::Other => {}
        }
        self.line.clear();
        Ok(())
    }
}

/// Its number, and when it was said.
fn last_frame(path: &Path, line: &[u8]) -> Result<Option<(u64, Duration)>, TapeError> {
    if line.is_empty() {
        return Ok(None);
    }
    let damaged = |why| TapeError::damaged(format_args!("{}: the last frame", path.display()), why);
    if !text::is_json(line) {
        return Err(damaged("it is no JSON".into()));
    }
    let (number, entry) = frame::read(line, Style::Line).map_err(damaged)?;
    Ok(Some((number.unwrap_or(0), entry.at)))
}

fn last_title(path: &Path, line: &[u8]) -> Result<Tape, TapeError> {
    if !text::is_json(line) {
        return Err(TapeError::foreign(path, "it does not say what it is"));
    }
    head::read(line).map_err(|why| TapeError::foreign(path, why))
}
