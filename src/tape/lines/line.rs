//! A line: reading it, and what it says.

use std::io::{self, BufRead};
use std::path::Path;

use crate::message::members;
use crate::tape::{Tape, TapeError, head, text, version};

/// What a line says.
pub(super) enum LineKind {
    Frame,
    /// What is known of the tape.
    Title,
    /// The same, at the beginning.
    Version,
    End,
    Torn,
    /// Of a later version.
    Other,
}

impl LineKind {
    /// By its first key.
    pub(super) fn of(line: &[u8]) -> Self {
        let Some(first) = members(line).next() else { return Self::Other };
        let kinds = [
            ("frame", Self::Frame),
            ("tape_id", Self::Title),
            ("version", Self::Version),
            ("end", Self::End),
            ("torn", Self::Torn),
        ];
        kinds.into_iter().find(|(key, _)| first.is(key)).map_or(Self::Other, |(_, kind)| kind)
    }
}

/// What is read next.
pub(in crate::tape) enum Next {
    Line,
    /// A line without its end.
    Part,
    End,
    TooLong,
}

/// A tape may begin with any number: it may be a part.
pub(in crate::tape) fn follows(last: Option<u64>, number: Option<u64>) -> Result<(), String> {
    match (last, number) {
        (Some(last), Some(number)) if last.checked_add(1) != Some(number) => {
            Err(format!("frame {number} comes after frame {last}: frames were removed, added or moved"))
        }
        _ => Ok(()),
    }
}

/// What it says of the tape, and whether the line has its end.
pub(super) fn first_line(
    input: &mut impl BufRead,
    line: &mut Vec<u8>,
    path: &Path,
) -> Result<(Tape, bool), TapeError> {
    let next = read_line(input, line, version::MAX_TITLE).map_err(|error| TapeError::reading(path, error))?;
    match next {
        Next::End => return Err(TapeError::foreign(path, "it is empty")),
        Next::TooLong => return Err(TapeError::foreign(path, "its first line has no end")),
        Next::Line | Next::Part => {}
    }
    if !text::is_json(line) {
        return Err(TapeError::foreign(path, "its first line is no JSON"));
    }
    version::check(path, line)?;
    let tape = head::read(line).map_err(|why| TapeError::foreign(path, why))?;
    Ok((tape, matches!(next, Next::Line)))
}

/// Adds to what is there of a line already. The line break is not kept.
pub(in crate::tape) fn read_line(
    input: &mut impl BufRead,
    line: &mut Vec<u8>,
    max: usize,
) -> io::Result<Next> {
    loop {
        let block = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            block => block?,
        };
        if block.is_empty() {
            return Ok(if line.is_empty() { Next::End } else { Next::Part });
        }
        let end = memchr::memchr(b'\n', block);
        let part = &block[..end.unwrap_or(block.len())];
        if line.len() + part.len() > max {
            return Ok(Next::TooLong);
        }
        line.extend_from_slice(part);
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(Next::Line);
        }
    }
}
