//! One difference, as it is told.

use std::fmt;

/// One place where two documents differ.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Where: a JSON Pointer.
    pub path: String,
    /// What has become of it.
    pub change: Change,
    /// What was expected there, as it is written; of what is long, its beginning.
    pub expected: Option<String>,
    /// What is there, alike.
    pub actual: Option<String>,
}

/// What has become of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing between them")]
pub enum Change {
    /// It is not there any more.
    Missing,
    /// It was not there before.
    Extra,
    /// It is something else.
    Changed,
    /// Its members stand in another order, and are the same.
    Reordered,
}

impl Difference {
    pub(super) fn new(path: String, expected: Option<&[u8]>, actual: Option<&[u8]>) -> Self {
        let change = match (expected, actual) {
            (Some(_), None) => Change::Missing,
            (None, _) => Change::Extra,
            (Some(_), Some(_)) => Change::Changed,
        };
        Self { path, change, expected: expected.map(beginning), actual: actual.map(beginning) }
    }

    /// Of the documents as wholes.
    pub(in crate::tape) fn whole(expected: Option<&[u8]>, actual: Option<&[u8]>) -> Self {
        Self::new(String::new(), expected, actual)
    }

    /// The same place, told by these values instead of its own.
    pub(crate) fn told_by(mut self, expected: Option<&[u8]>, actual: Option<&[u8]>) -> Self {
        let told = |own: &Option<String>, value: Option<&[u8]>| {
            own.as_ref().map(|_| value.map_or_else(|| UNTOLD.to_owned(), beginning))
        };
        self.expected = told(&self.expected, expected);
        self.actual = told(&self.actual, actual);
        self
    }

    pub(super) fn reordered(path: String) -> Self {
        Self { path, change: Change::Reordered, expected: None, actual: None }
    }
}

impl fmt::Debug for Difference {
    /// Without the values, which may be secret: how long they are told.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = |side: &Option<String>| side.as_ref().map(String::len);
        f.debug_struct("Difference")
            .field("path", &self.path)
            .field("change", &self.change)
            .field("expected", &length(&self.expected))
            .field("actual", &length(&self.actual))
            .finish()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the whole" } else { &self.path };
        let text = |side: &Option<String>| side.clone().unwrap_or_default();
        let (expected, actual) = (text(&self.expected), text(&self.actual));
        match self.change {
            Change::Missing => write!(f, "{path}: {expected} is missing"),
            Change::Extra => write!(f, "{path}: {actual} is new"),
            Change::Changed => write!(f, "{path}: {expected} became {actual}"),
            Change::Reordered => write!(f, "{path}: the members stand in another order"),
        }
    }
}

/// What stands for a value that is not told.
const UNTOLD: &str = "…";
/// Bytes of a value that are told.
const MOST: usize = 200;

/// In one line, without what a terminal would obey.
fn beginning(json: &[u8]) -> String {
    let part = String::from_utf8_lossy(&json[..json.len().min(MOST)]);
    let rest = if json.len() > MOST { format!("… ({} bytes)", json.len()) } else { String::new() };
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    part.chars().map(shown).chain(rest.chars()).collect()
}
