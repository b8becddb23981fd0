//! The strict scanner: one pass over the bytes, no recursion, no copies.
//!
//! [`scan`] is the gate that every message passes before anything else looks at it. The hot path fails at the
//! first fault and knows little about it; [`refuse`] then finds out what to tell the sender.

mod block;
mod envelope_key;
mod judge;
mod key_set;
mod keys;
mod members;
mod numbers;
mod salvage;
mod strings;
mod tokens;
mod value;

use std::str;

use self::block::TOPS;
use self::key_set::KeySet;
use self::members::Found;
pub(crate) use self::salvage::salvage_id;
use self::value::Nesting;
use super::envelope::Envelope;
use super::options::ScanOptions;
use super::parse_error::{Fault, ParseError};

/// What is wrong, and at which byte.
type Refusal = (Fault, usize);

/// Finds the parts of a message, or why the bytes are none.
pub(crate) fn scan(bytes: &[u8], options: &ScanOptions) -> Result<Envelope, ParseError> {
    if bytes.len() > options.max_bytes {
        return Err(too_large(bytes, options));
    }
    let mut scanner = Scanner::new(bytes, Limits::of(options));
    let judged = match scanner.message() {
        // Outside strings the grammar allows nothing but ASCII.
        Some(_) if scanner.seen & TOPS != 0 && str::from_utf8(bytes).is_err() => Err((Fault::Encoding, 0)),
        Some(found) => judge::judge(bytes, &found, scanner.line_break, options),
        None => Err(scanner.refusal()),
    };
    judged.map_err(|refusal| refuse(bytes, options, refusal))
}

/// Whether the bytes are one object in strict JSON, under the rules that hold below a message's envelope.
#[cfg(feature = "jwt")]
pub(crate) fn scan_object(bytes: &[u8], options: &ScanOptions) -> Result<(), ParseError> {
    if bytes.len() > options.max_bytes {
        return Err(ParseError::new(Fault::TooLarge, options.max_bytes));
    }
    let mut scanner = Scanner::new(bytes, Limits::of(options));
    let refusal = match scanner.lone_object() {
        Some(()) if str::from_utf8(bytes).is_err() => (Fault::Encoding, 0),
        Some(()) => return Ok(()),
        None => scanner.refusal(),
    };
    Err(ParseError::new(refusal.0, refusal.1))
}

#[cold]
fn too_large(bytes: &[u8], options: &ScanOptions) -> ParseError {
    let readable = bytes.get(..options.max_bytes).unwrap_or_default();
    ParseError::new(Fault::TooLarge, options.max_bytes).with_id(salvage_id(readable, options))
}

/// What is not JSON at all is told so, even where the scanner first met something else.
#[cold]
fn refuse(bytes: &[u8], options: &ScanOptions, noticed: Refusal) -> ParseError {
    let (fault, offset) = grammar(bytes).err().unwrap_or(noticed);
    ParseError::new(fault, offset).with_id(salvage_id(bytes, options))
}

/// Whether this is one JSON document, of any depth, in UTF-8.
pub(crate) fn is_json(bytes: &[u8]) -> bool {
    let mut scanner = Scanner::new(bytes, Limits::NONE);
    // As in `scan`. A byte order mark begins no value.
    scanner.document().is_some() && (scanner.seen & TOPS == 0 || str::from_utf8(bytes).is_ok())
}

/// One JSON document of any depth, in UTF-8.
fn grammar(bytes: &[u8]) -> Result<(), Refusal> {
    if let Err(error) = str::from_utf8(bytes) {
        return Err((Fault::Encoding, error.valid_up_to()));
    }
    if bytes.starts_with("\u{FEFF}".as_bytes()) {
        return Err((Fault::Encoding, 0));
    }
    let mut scanner = Scanner::new(bytes, Limits::NONE);
    scanner.document().ok_or_else(|| scanner.refusal())
}

/// What a scanner enforces below the envelope.
#[derive(Clone, Copy)]
struct Limits {
    /// Refuse keys that two peers may read differently.
    strict: bool,
    depth: usize,
    number: usize,
}

impl Limits {
    /// The grammar and nothing else.
    const NONE: Self = Self { strict: false, depth: usize::MAX, number: usize::MAX };

    fn of(options: &ScanOptions) -> Self {
        Self { strict: !options.transparent, depth: options.max_depth, number: options.max_number }
    }
}

/// One scan: the bytes, and what must be remembered on the way.
///
/// Every step takes the place where it starts and returns the place behind what it read, or `None` when it
/// has left a refusal: a place fits a register, an error would not.
struct Scanner<'a> {
    bytes: &'a [u8],
    limits: Limits,
    nesting: Nesting,
    keys: KeySet,
    line_break: bool,
    /// All words of all strings in one: tells whether there is anything but ASCII.
    seen: u64,
    /// There was an escape since somebody cleared this.
    escaped: bool,
    refusal: Option<Refusal>,
}

impl<'a> Scanner<'a> {
    fn new(bytes: &'a [u8], limits: Limits) -> Self {
        let (nesting, keys) = (Nesting::default(), KeySet::new());
        Self { bytes, limits, nesting, keys, line_break: false, seen: 0, escaped: false, refusal: None }
    }

    /// The whole document: an object and nothing behind it.
    fn message(&mut self) -> Option<Found> {
        let (start, byte) = self.token(0);
        if byte != b'{' {
            let no_object = Fault::Envelope("the message must be an object");
            return self.fail(if byte == b'[' { Fault::Batch } else { no_object }, start);
        }
        let mut found = Found::default();
        let end = self.object(start, |scanner, key, value| found.member(scanner, key, value))?;
        self.end(end)?;
        Some(found)
    }

    /// The whole document: one value of any kind.
    fn document(&mut self) -> Option<()> {
        let (start, _) = self.token(0);
        let end = self.value(start)?;
        self.end(end)
    }

    #[cfg(feature = "jwt")]
    fn lone_object(&mut self) -> Option<()> {
        let (start, byte) = self.token(0);
        if byte != b'{' {
            return self.fail(Fault::Syntax("expected an object"), start);
        }
        let end = self.value(start)?;
        self.end(end)
    }

    /// Nothing but whitespace follows.
    fn end(&mut self, at: usize) -> Option<()> {
        let (at, _) = self.token(at);
        if at < self.bytes.len() { self.fail(Fault::Trailing, at) } else { Some(()) }
    }

    #[cold]
    fn fail<T>(&mut self, fault: Fault, at: usize) -> Option<T> {
        self.refusal = Some((fault, at.min(self.bytes.len())));
        None
    }

    fn refusal(&self) -> Refusal {
        self.refusal.unwrap_or((Fault::Syntax("expected a value"), 0))
    }
}

#[cfg(test)]
mod tests;
