//! What is to be replaced in the text of a document.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::ops::Range;

use crate::secret::Finding;

/// One place, of which a marker takes the place. It lies inside of one string, or is a whole number.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    pub(super) range: Range<usize>,
    pub(super) kind: Cow<'static, str>,
    /// It was a number: the marker stands in quotes.
    pub(super) is_number: bool,
    /// It stands in JSON that stands in a string: the marker is escaped once more.
    pub(super) is_nested: bool,
}

impl Edit {
    pub(super) fn new(range: Range<usize>, kind: impl Into<Cow<'static, str>>) -> Self {
        Self { range, kind: kind.into(), is_number: false, is_nested: false }
    }

    /// The same somewhere else.
    pub(super) fn at(self, range: Range<usize>) -> Self {
        Self { range, ..self }
    }
}

impl From<Finding> for Edit {
    fn from(found: Finding) -> Self {
        Self::new(found.range, found.kind)
    }
}

/// In order, and of those that overlap one. The first says what it is.
pub(super) fn apart(mut edits: Vec<Edit>) -> Vec<Edit> {
    if edits.len() < 2 {
        return edits;
    }
    edits.sort_by_key(|edit| (edit.range.start, Reverse(edit.range.end)));
    edits.dedup_by(|next, last| {
        if next.range == last.range {
            last.is_number |= next.is_number;
            last.is_nested |= next.is_nested;
        } else if next.range.start < last.range.end {
            last.is_number &= next.range.end <= last.range.end;
            last.range.end = last.range.end.max(next.range.end);
        } else {
            return false;
        }
        true
    });
    edits
}
