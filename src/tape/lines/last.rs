//! How a file of JSON Lines ends, to go on with it.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::Path;

use super::reader::{LineKind, Next, read_line};
use crate::tape::{MAX_FRAME_BYTES, Tape, TapeError, frame, head, object::Style, text};

/// How much is read at once.
const BLOCK: usize = 1 << 20;
/// So much of a torn line is kept.
const MAX_REST: usize = 4 << 20;

/// How a file ends.
#[derive(Debug)]
pub(super) struct Tail {
    /// Where whole lines end.
    pub(super) whole: u64,
    /// The last whole line has no line break.
    pub(super) lacks_line_break: bool,
    /// Bytes of a line that is not whole.
    pub(super) torn: u64,
    /// Those bytes, or as many as are kept.
    pub(super) rest: Vec<u8>,
    /// The number of the last frame.
    pub(super) frames: u64,
    /// What was last said of the tape.
    pub(super) tape: Tape,
}

/// Looks for the last frame, and for what was last said of the tape. Lines are told apart, not judged: a reader
/// does that.
pub(super) fn find(mut file: &File, path: &Path) -> Result<Tail, TapeError> {
    let failed = |error| TapeError::io(path.display(), error);
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut input = BufReader::with_capacity(BLOCK, file);
    let (mut line, mut title, mut frame) = (Vec::new(), Vec::new(), Vec::new());
    let (mut whole, mut rest, mut lacks_line_break) = (0, Vec::new(), false);
    loop {
        let next = read_line(&mut input, &mut line, MAX_FRAME_BYTES).map_err(failed)?;
        match next {
            Next::End => break,
            Next::TooLong => {
                let place = format!("{}: the line at byte {whole}", path.display());
                return Err(TapeError::too_large(place, MAX_FRAME_BYTES));
            }
            Next::Part if !text::is_json(&line) => {
                rest = line;
                break;
            }
            Next::Part => lacks_line_break = true,
            Next::Line => {}
        }
        whole += line.len() as u64 + u64::from(!lacks_line_break);
        match LineKind::of(&line) {
            LineKind::Frame => std::mem::swap(&mut line, &mut frame),
            LineKind::Title | LineKind::Version => std::mem::swap(&mut line, &mut title),
            LineKind::End | LineKind::Torn | LineKind::Other => {}
        }
        line.clear();
    }
    let torn = rest.len() as u64;
    rest.truncate(MAX_REST);
    let (frames, tape) = (last_frame(path, &frame)?, last_title(path, &title)?);
    Ok(Tail { whole, lacks_line_break, torn, rest, frames, tape })
}

fn last_frame(path: &Path, line: &[u8]) -> Result<u64, TapeError> {
    if line.is_empty() {
        return Ok(0);
    }
    let damaged = |why| TapeError::damaged(format_args!("{}: the last frame", path.display()), why);
    if !text::is_json(line) {
        return Err(damaged("it is no JSON".into()));
    }
    let (number, _) = frame::read(line, Style::Line).map_err(damaged)?;
    Ok(number.unwrap_or(0))
}

fn last_title(path: &Path, line: &[u8]) -> Result<Tape, TapeError> {
    if !text::is_json(line) {
        return Err(TapeError::foreign(path, "it does not say what it is"));
    }
    head::read(line).map_err(|why| TapeError::foreign(path, why))
}
