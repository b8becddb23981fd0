//! A document that is a long list, with a few members beside it.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::cursor::{Cursor, Stop};
use crate::message::write_string;
use crate::protocol::peek;
use crate::tape::{MAX_FRAME_BYTES, TapeError, text, version};

/// Bytes of a key, at most.
const MAX_KEY: usize = 1 << 10;

/// The elements of the list, one at a time: the document is never in memory.
#[derive(Debug)]
pub(in crate::tape) struct Elements {
    cursor: Cursor<BufReader<File>>,
    path: PathBuf,
    /// The key of the list.
    list: &'static str,
    /// Elements that were read.
    read: u64,
    max: usize,
}

/// The members of the document but the list, as an object of its own.
#[derive(Debug)]
struct Members {
    json: Vec<u8>,
    list: &'static str,
    /// Keys that it is to have before the list, and does not have yet.
    missing: Vec<&'static str>,
    /// Where the elements of the list begin.
    start: Option<u64>,
}

impl Elements {
    /// Of a file at its beginning; and the members that stand before the list, or all where those before it lack one of
    /// `enough`: then the document is gone through once.
    pub(in crate::tape) fn of(
        file: File,
        path: &Path,
        list: &'static str,
        enough: &[&'static str],
    ) -> Result<(Self, Vec<u8>), TapeError> {
        let mut cursor = Cursor::new(BufReader::with_capacity(64 << 10, file), 0);
        let mut members = Members::new(list, enough);
        title(&mut cursor, &mut members).map_err(|stop| stopped(path, cursor.at(), stop, true))?;
        let none = || TapeError::foreign(path, format!("it has no {list}"));
        let start = members.start.ok_or_else(none)?;
        let json = members.finish();
        if !text::is_json(&json) {
            return Err(TapeError::foreign(path, "it is no JSON"));
        }
        if cursor.at() != start {
            cursor = rewound(cursor, start).map_err(|error| TapeError::io(path.display(), error))?;
        }
        Ok((Self { cursor, path: path.to_owned(), list, read: 0, max: MAX_FRAME_BYTES }, json))
    }

    /// Bytes of one element at most.
    pub(super) fn max_bytes(&mut self, bytes: usize) {
        self.max = bytes;
    }

    /// Bytes that were gone through.
    pub(super) fn behind(&self) -> u64 {
        self.cursor.at()
    }

    /// The next element, which is JSON.
    pub(in crate::tape) fn next(&mut self) -> Result<Option<Vec<u8>>, TapeError> {
        match self.element() {
            Ok(Some(json)) if !text::is_json(&json) => Err(TapeError::damaged(self.place(), "it is no JSON")),
            Ok(json) => Ok(json),
            Err(Stop::TooLarge) => Err(TapeError::above_limit(self.place(), self.max)),
            Err(stop) => Err(self.stopped(stop)),
        }
    }

    fn element(&mut self) -> Result<Option<Vec<u8>>, Stop> {
        if self.cursor.take(b']')? {
            return Ok(None);
        }
        if self.read > 0 {
            self.cursor.expect(b',', "elements are parted by commas")?;
        }
        let mut json = Vec::new();
        self.cursor.value(&mut json, self.max)?;
        self.read += 1;
        Ok(Some(json))
    }

    /// What stands behind the list, as an object; it need not be JSON.
    pub(in crate::tape) fn rest(&mut self) -> Result<Vec<u8>, TapeError> {
        let mut members = Members::new(self.list, &[]);
        // Another list is refused as one that stands twice.
        members.start = Some(0);
        self.members(&mut members).map_err(|stop| self.stopped(stop))?;
        Ok(members.finish())
    }

    fn members(&mut self, members: &mut Members) -> Result<(), Stop> {
        while self.cursor.take(b',')? {
            members.read(&mut self.cursor, true)?;
        }
        self.cursor.expect(b'}', "the document ends with a brace")
    }

    /// Where the last element stands.
    pub(in crate::tape) fn place(&self) -> String {
        let at = self.cursor.at();
        format!("{}: number {} of {}, before byte {at}", self.path.display(), self.read, self.list)
    }

    fn stopped(&self, stop: Stop) -> TapeError {
        stopped(&self.path, self.cursor.at(), stop, false)
    }
}

impl Members {
    fn new(list: &'static str, enough: &[&'static str]) -> Self {
        Self { json: b"{".to_vec(), list, missing: enough.to_vec(), start: None }
    }

    /// Reads a member. Where it is the list, its elements are passed or left to be read.
    fn read(&mut self, cursor: &mut Cursor<BufReader<File>>, pass_list: bool) -> Result<(), Stop> {
        let mut key = Vec::new();
        cursor.value(&mut key, MAX_KEY)?;
        let key = peek::string(&key).map_err(|_| Stop::Unexpected("a key is a text"))?.into_owned();
        cursor.expect(b':', "a key is followed by a colon")?;
        if key != self.list {
            self.missing.retain(|missing| *missing != key);
            if self.json.len() > 1 {
                self.json.push(b',');
            }
            write_string(&mut self.json, &key);
            self.json.push(b':');
            return cursor.value(&mut self.json, version::MAX_TITLE);
        }
        if self.start.is_some() {
            return Err(Stop::Unexpected("the list stands twice"));
        }
        if cursor.peek()? != Some(b'[') {
            return Err(Stop::Unexpected("it is to be a list"));
        }
        self.start = Some(cursor.at() + 1);
        if pass_list { cursor.pass() } else { cursor.expect(b'[', "it is to be a list") }
    }

    fn finish(mut self) -> Vec<u8> {
        self.json.push(b'}');
        self.json
    }
}

/// Reads up to the list, or all of the document where the rest comes after it.
fn title(cursor: &mut Cursor<BufReader<File>>, members: &mut Members) -> Result<(), Stop> {
    cursor.expect(b'{', "a tape is a JSON object")?;
    let mut empty = true;
    while !cursor.take(b'}')? {
        if !empty {
            cursor.expect(b',', "members are parted by commas")?;
        }
        empty = false;
        let has_enough = members.missing.is_empty();
        let before = members.start;
        members.read(cursor, !has_enough)?;
        if has_enough && before.is_none() && members.start.is_some() {
            break;
        }
    }
    Ok(())
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
