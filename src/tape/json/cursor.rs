//! Going through a JSON document of any size, one value at a time.

use std::io::{self, BufRead};

/// Why there is no value.
#[derive(Debug)]
pub(super) enum Stop {
    Io(io::Error),
    /// The document ends in the middle.
    End,
    TooLarge,
    /// Something else stands there.
    Unexpected(&'static str),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

#[derive(Debug)]
pub(super) struct Cursor<R> {
    input: R,
    /// Bytes that are behind.
    at: u64,
}

/// Where in a value.
#[derive(Default)]
struct Scan {
    depth: usize,
    in_text: bool,
    escaped: bool,
    begun: bool,
}

impl<R: BufRead> Cursor<R> {
    pub(super) fn new(input: R, at: u64) -> Self {
        Self { input, at }
    }

    /// Bytes that are behind.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn into_inner(self) -> R {
        self.input
    }

    /// The next byte that is no space, not taken.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Stop> {
        loop {
            let block = block(&mut self.input)?;
            let spaces = block.iter().take_while(|byte| is_space(**byte)).count();
            let found = block.get(spaces).copied();
            let is_end = block.is_empty();
            self.skip(spaces);
            if found.is_some() || is_end {
                return Ok(found);
            }
        }
    }

    /// Takes the byte, if it is the next.
    pub(super) fn take(&mut self, byte: u8) -> Result<bool, Stop> {
        let is = self.peek()? == Some(byte);
        self.skip(usize::from(is));
        Ok(is)
    }

    /// Takes the byte, which must be the next.
    pub(super) fn expect(&mut self, byte: u8, otherwise: &'static str) -> Result<(), Stop> {
        match self.peek()? {
            None => Err(Stop::End),
            Some(found) if found == byte => {
                self.skip(1);
                Ok(())
            }
            Some(_) => Err(Stop::Unexpected(otherwise)),
        }
    }

    /// Adds the next value to `out`, as it stands: delimited, not judged. At most so many bytes are added.
    pub(super) fn value(&mut self, out: &mut Vec<u8>, max: usize) -> Result<(), Stop> {
        self.scan(|part| {
            if out.len() + part.len() > max {
                return Err(Stop::TooLarge);
            }
            out.extend_from_slice(part);
            Ok(())
        })
    }

    /// Passes the next value, however large.
    pub(super) fn pass(&mut self) -> Result<(), Stop> {
        self.scan(|_| Ok(()))
    }

    fn scan(&mut self, mut each: impl FnMut(&[u8]) -> Result<(), Stop>) -> Result<(), Stop> {
        self.peek()?;
        let mut scan = Scan::default();
        loop {
            let block = block(&mut self.input)?;
            if block.is_empty() {
                return if scan.is_word() { Ok(()) } else { Err(Stop::End) };
            }
            let end = scan.end(block);
            let part = &block[..end.unwrap_or(block.len())];
            each(part)?;
            let used = part.len();
            self.skip(used);
            if end.is_some() {
                return if scan.begun { Ok(()) } else { Err(Stop::Unexpected("a value is missing")) };
            }
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.input.consume(bytes);
        self.at += bytes as u64;
    }
}

impl Scan {
    /// Behind the value's last byte, if it is in this block.
    fn end(&mut self, block: &[u8]) -> Option<usize> {
        for (at, byte) in block.iter().enumerate() {
            if self.in_text {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_text = false;
                        if self.depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' if self.is_word() => return Some(at),
                b'"' => self.in_text = true,
                b'{' | b'[' if self.is_word() => return Some(at),
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' | b',' | b':' if self.depth == 0 => return Some(at),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ if self.depth == 0 && is_space(*byte) => return Some(at),
                _ => {}
            }
            self.begun = true;
        }
        None
    }

    /// A number or a name, so far.
    fn is_word(&self) -> bool {
        self.begun && self.depth == 0 && !self.in_text
    }
}

fn block<R: BufRead>(input: &mut R) -> Result<&[u8], Stop> {
    // Asked twice, because a block cannot be kept from inside a loop.
    while let Err(error) = input.fill_buf() {
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error.into());
        }
    }
    Ok(input.fill_buf()?)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
