//! What the scanner found: where the parts of a message stand in its bytes.

use std::ops::Range;

/// What a JSON-RPC message is, told by the members it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "JSON-RPC 2.0 has these three and no more")]
pub enum Kind {
    /// It has a method and an id: an answer is due.
    Request,
    /// It has a method and no id: it is never answered.
    Notification,
    /// It has a result or an error.
    Response,
}

/// A range of bytes inside one message; empty where the part is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) const NONE: Self = Self { start: 0, end: 0 };

    /// Both ends lie inside a message that the scanner bounded to `u32::MAX` bytes.
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    pub(crate) fn is_some(self) -> bool {
        self.end != 0
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// The id's token, classified; its text stands at [`Envelope::id`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdToken {
    Absent,
    Null,
    /// Spelled `-?(0|[1-9][0-9]*)`, not `-0`, within ±(2^53−1).
    Integer(i64),
    /// Any other number; only transparent scans let one pass.
    Number,
    /// A string; `escaped` when its text holds a backslash.
    String {
        escaped: bool,
    },
}

/// Which member [`Envelope::payload`] is the value of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    None,
    Params,
    Result,
    Error,
}

/// The parts of one scanned message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) kind: Kind,
    pub(crate) id_token: IdToken,
    /// The id's token as written, quotes included.
    pub(crate) id: Span,
    /// The method's token, quotes included.
    pub(crate) method: Span,
    /// The method's text holds a backslash.
    pub(crate) method_escaped: bool,
    pub(crate) payload_is: Payload,
    /// The value of `params`, `result` or `error`.
    pub(crate) payload: Span,
    /// The value of `_meta` directly inside the payload.
    pub(crate) meta: Span,
    /// A raw CR or LF stands between tokens: legal JSON, but no line.
    pub(crate) line_break: bool,
    /// Passed the strict scan, not only the transparent one.
    pub(crate) strict: bool,
}
