//! A record as a line: `{"seq":N,"prev":"…",…,"hash":"…"}`, where the hash is over all that stands before it.

use super::key::{Hash, Key, hex, of_line, unhex};

/// Bytes of a line, with its LF. A record is far smaller.
pub(super) const MAX_LINE: usize = 64 << 10;

const PREV: &[u8] = b",\"prev\":\"";
const HASH: &[u8] = b",\"hash\":\"";
const END: &[u8] = b"\"}";

/// Where a chain stands: its last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) seq: u64,
    pub(super) hash: Hash,
}

impl Link {
    /// Before the first record.
    pub(super) const START: Self = Self { seq: 0, hash: [0; 32] };
}

/// Adds the line that follows `last`; `members` are those of the record, each with its comma before it.
pub(super) fn seal(out: &mut Vec<u8>, last: Link, members: &[u8], key: Option<&Key>) -> Link {
    let (start, seq) = (out.len(), last.seq + 1);
    out.extend_from_slice(format!("{{\"seq\":{seq}").as_bytes());
    for part in [PREV, hex(&last.hash).as_bytes(), b"\"", members] {
        out.extend_from_slice(part);
    }
    let hash = of_line(key, &out[start..]);
    for part in [HASH, hex(&hash).as_bytes(), END, b"\n"] {
        out.extend_from_slice(part);
    }
    Link { seq, hash }
}

/// A line as it was read.
#[derive(Debug)]
pub(super) struct Sealed<'a> {
    pub(super) prev: Hash,
    pub(super) link: Link,
    pub(super) members: &'a [u8],
    /// The hash is that of the line.
    pub(super) holds: bool,
}

/// Whether it ends as a record does: such a line is no torn one.
pub(super) fn has_end(line: &[u8]) -> bool {
    let tail = line.len().checked_sub(HASH.len() + 64 + END.len()).map(|at| &line[at..]);
    tail.is_some_and(|tail| tail.starts_with(HASH) && tail.ends_with(END))
}

/// `line` is without its LF. `None` if it is not even of the shape.
pub(super) fn open<'a>(line: &'a [u8], key: Option<&Key>) -> Option<Sealed<'a>> {
    let rest = line.strip_prefix(b"{\"seq\":")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let seq = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    let rest = rest[digits..].strip_prefix(PREV)?;
    let (prev, rest) = rest.split_at_checked(64)?;
    let rest = rest.strip_prefix(b"\"")?;
    let members = rest.len().checked_sub(HASH.len() + 64 + END.len())?;
    let (members, tail) = rest.split_at(members);
    let stated = unhex(tail.strip_prefix(HASH)?.strip_suffix(END)?)?;
    let holds = of_line(key, &line[..line.len() - tail.len()]) == stated;
    Some(Sealed { prev: unhex(prev)?, link: Link { seq, hash: stated }, members, holds })
}
