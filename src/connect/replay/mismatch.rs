//! A request, a notification, or an answer of the client, that is not as it was recorded.

use std::fmt;

use crate::message::write_string;
use crate::tape::Difference;

/// What a client said that it had not said when the tape was made.
///
/// Its text names the nearest that was recorded, and in what that differs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Mismatch {
    /// What is wrong.
    pub kind: MismatchKind,
    /// What was said: the method, and the tool, prompt or resource.
    pub what: String,
    /// The recorded one that comes nearest, by its number on the tape, from 1.
    pub nearest: Option<usize>,
    /// How the nearest differs.
    pub differences: Vec<Difference>,
}

/// What is wrong with what a client said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MismatchKind {
    /// No such request was recorded.
    NotRecorded,
    /// It was recorded, and came more often than it was recorded.
    TooOften,
    /// In a sequence, another request comes next, or none.
    OutOfOrder,
    /// The client answered a question of the server otherwise.
    Answer,
    /// No such notification of the client was recorded.
    Notification,
}

/// How many differences are told.
const TOLD: usize = 8;

impl MismatchKind {
    /// A word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotRecorded => "not_recorded",
            Self::TooOften => "too_often",
            Self::OutOfOrder => "out_of_order",
            Self::Answer => "answer_differs",
            Self::Notification => "unrecorded_notification",
        }
    }
}

impl Mismatch {
    pub(super) fn new(kind: MismatchKind, what: String) -> Self {
        Self { kind, what, nearest: None, differences: Vec::new() }
    }

    pub(super) fn nearest(mut self, frame: usize, mut differences: Vec<Difference>) -> Self {
        differences.truncate(TOLD);
        (self.nearest, self.differences) = (Some(frame), differences);
        self
    }

    /// For the `data` of a JSON-RPC error.
    pub(super) fn data(&self) -> String {
        let mut out = format!(r#"{{"shadowcat":{{"kind":"{}""#, self.kind.as_str()).into_bytes();
        if let Some(frame) = self.nearest {
            out.extend_from_slice(format!(r#","frame":{frame}"#).as_bytes());
        }
        out.extend_from_slice(br#","differences":["#);
        for (at, difference) in self.differences.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write_string(&mut out, &difference.to_string());
        }
        out.extend_from_slice(b"]}}");
        String::from_utf8(out).unwrap_or_default()
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match (self.kind, self.nearest) {
            (MismatchKind::NotRecorded | MismatchKind::Notification, None) => {
                write!(f, "the tape holds nothing like {what}")?
            }
            (MismatchKind::NotRecorded | MismatchKind::Notification, Some(frame)) => {
                write!(f, "the tape holds no {what} like this one; frame {frame} comes nearest")?;
            }
            (MismatchKind::TooOften, _) => {
                write!(f, "{what} came more often than it was recorded")?;
            }
            (MismatchKind::OutOfOrder, None) => write!(f, "{what} was asked for after the end of the tape")?,
            (MismatchKind::OutOfOrder, Some(frame)) => {
                write!(f, "{what} was asked for where frame {frame} of the tape comes next")?;
            }
            (MismatchKind::Answer, Some(frame)) => {
                write!(f, "the client answered {what} otherwise than in frame {frame} of the tape")?;
            }
            (MismatchKind::Answer, None) => write!(f, "the client's answer to {what} differs")?,
        }
        let told = self.differences.iter().take(TOLD);
        told.enumerate()
            .try_for_each(|(at, difference)| write!(f, "{} {difference}", if at == 0 { ":" } else { ";" }))
    }
}

impl std::error::Error for Mismatch {}
