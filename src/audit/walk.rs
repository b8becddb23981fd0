//! Reading a chain line by line.

use super::chain::Torn;
use super::key::Key;
use super::line::{Link, MAX_LINE, Sealed, has_end, open};

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The line is not what was written, or not with this key.
    #[error("the line was altered, or the key is another")]
    Altered,
    /// Records are missing before this line.
    #[error("the records {from} to {to} are missing")]
    Removed {
        /// The first that is missing.
        from: u64,
        /// The last.
        to: u64,
    },
    /// The record stands behind a later one, or stands twice.
    #[error("the record {seq} stands out of its order")]
    Reordered {
        /// Its number.
        seq: u64,
    },
    /// The record is itself whole, but follows another one than it was written after.
    #[error("the record before is not the one that this one was written after")]
    Unlinked,
    /// The file ends in the middle of a line: whoever wrote it was killed, or its end is cut off.
    #[error("the file ends in the middle of a line")]
    Torn,
    /// The log ends before a record that is known to have been written, or that record is another one.
    #[error("the record {seq} is missing, or another one")]
    Truncated {
        /// Its number.
        seq: u64,
    },
}

/// What a log says of itself that is no fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) records: u64,
    pub(super) lost: u64,
    pub(super) recoveries: u64,
}

/// Where a reader stands.
#[derive(Debug)]
pub(super) struct Walk<'k> {
    key: Option<&'k Key>,
    /// `None` before the first line of a log that begins in its middle.
    last: Option<Link>,
    /// Lines that are none, and the number of the first of them: a recovery may tell of them.
    torn: Option<(u64, Torn)>,
    /// Each of them is what is left of a record that was not written to its end.
    are_begun: bool,
    pub(super) told: Told,
}

impl<'k> Walk<'k> {
    pub(super) fn new(key: Option<&'k Key>, last: Option<Link>) -> Self {
        Self { key, last, torn: None, are_begun: true, told: Told::default() }
    }

    pub(super) fn last(&self) -> Option<Link> {
        self.last
    }

    /// A line without its LF, and its number in its file. What is wrong is told with the line that it is about.
    pub(super) fn line(&mut self, at: u64, line: &[u8], wrong: &mut impl FnMut(u64, Problem)) {
        let sealed = (line.len() < MAX_LINE).then(|| open(line, self.key)).flatten();
        let Some(sealed) = sealed else { return self.odd(at, line) };
        self.settle(at, &sealed, wrong);
        if !sealed.holds {
            wrong(at, Problem::Altered);
        } else if let Some(problem) = self.misplaced(&sealed) {
            wrong(at, problem);
        } else {
            self.told.records += 1;
            self.told.lost += number(sealed.members, b",\"lost\":").unwrap_or(0);
        }
        self.last = Some(sealed.link);
    }

    /// The end of a file: what is left of a line without its LF, or nothing.
    pub(super) fn end(&mut self, at: u64, rest: &[u8], wrong: &mut impl FnMut(u64, Problem)) -> Option<Torn> {
        if !rest.is_empty() && open(rest, self.key).is_some_and(|sealed| sealed.holds) {
            self.line(at, rest, wrong);
            wrong(at, Problem::Torn);
            return Some(Torn::default());
        }
        if let Some((line, mut torn)) = self.torn.take() {
            // A recovery that was torn itself: the next one tells of all of it.
            if self.are_begun && (rest.is_empty() || begins(rest)) {
                torn.add(b"\n");
                torn.add(rest);
                wrong(at, Problem::Torn);
                return Some(torn);
            }
            wrong(line, Problem::Altered);
        }
        (!rest.is_empty()).then(|| {
            wrong(at, Problem::Torn);
            Torn::of(rest)
        })
    }

    fn odd(&mut self, at: u64, line: &[u8]) {
        // Of a recovery, the LF before it may be all that was written.
        let is_begun = begins(line) && !has_end(line) || line.is_empty() && self.torn.is_some();
        self.are_begun = is_begun && (self.are_begun || self.torn.is_none());
        match &mut self.torn {
            None => self.torn = Some((at, Torn::of(line))),
            Some((_, torn)) => {
                torn.add(b"\n");
                torn.add(line);
            }
        }
    }

    /// Either this record tells exactly of the odd lines before it, or they were altered.
    fn settle(&mut self, at: u64, sealed: &Sealed<'_>, wrong: &mut impl FnMut(u64, Problem)) {
        let torn = number(sealed.members, b",\"torn_bytes\":").filter(|_| sealed.holds);
        match (self.torn.take(), torn) {
            (Some((_, odd)), Some(_)) if sealed.members.ends_with(odd.told().as_bytes()) => {}
            (Some((line, _)), _) => wrong(line, Problem::Altered),
            // What it tells of is gone; at the beginning of what is read, it was not read.
            (None, Some(1..)) if self.last.is_some() => wrong(at, Problem::Altered),
            (None, _) => {}
        }
        self.told.recoveries += u64::from(torn.is_some());
    }

    fn misplaced(&self, sealed: &Sealed<'_>) -> Option<Problem> {
        let last = self.last?;
        let (seq, next) = (sealed.link.seq, last.seq.saturating_add(1));
        match () {
            () if seq > next => Some(Problem::Removed { from: next, to: seq - 1 }),
            () if seq < next => Some(Problem::Reordered { seq }),
            () if sealed.prev != last.hash => Some(Problem::Unlinked),
            () => None,
        }
    }
}

/// Whether it begins as every record does, as far as it goes.
fn begins(line: &[u8]) -> bool {
    let begin = b"{\"seq\":";
    !line.is_empty() && (line.starts_with(begin) || begin.starts_with(line))
}

/// A number among the members that only records of the log's own have, right behind their kind.
fn number(members: &[u8], label: &[u8]) -> Option<u64> {
    let kind = members.get(OWN..)?.strip_prefix(b",\"kind\":\"")?;
    let rest = [&b"gap\""[..], b"recovered\""].iter().find_map(|own| kind.strip_prefix(*own))?;
    let digits = rest.strip_prefix(label)?;
    let end = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

/// Bytes of `,"time":"2026-11-21T13:29:27.123Z"`.
const OWN: usize = 34;
