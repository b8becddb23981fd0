//! Searching one string, or several that belong together.

use std::borrow::Cow;
use std::ops::Range;

use serde_core::de::IgnoredAny;

use super::edit::{Edit, apart};
use super::frame::Text;
use super::name::Name;
use super::role::Role;
use super::string;
use super::walk::Walk;
use crate::secret::{Detector, Marker};

/// How strings are searched. Edits come back in order and apart, as places in the text around the strings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search<'a> {
    detector: &'a Detector,
    /// The document stands in a string that was searched as a whole: only what has escapes is searched again.
    is_embedded: bool,
}

impl<'a> Search<'a> {
    pub(super) fn new(detector: &'a Detector) -> Self {
        Self { detector, is_embedded: false }
    }

    pub(super) fn is_embedded(self) -> bool {
        self.is_embedded
    }

    /// A key as it may be shown.
    pub(super) fn shown(self, key: &str) -> Box<str> {
        self.detector.mask(key, &Marker::default()).into()
    }

    /// The raw key that begins at `start`.
    pub(super) fn key(self, raw: &str, start: usize) -> Vec<Edit> {
        match decoded(raw) {
            Cow::Borrowed(_) if self.is_embedded => Vec::new(),
            text => spelled(raw, start, self.find(&text, "")),
        }
    }

    /// The raw value that begins at `start`, of a member or list of that name.
    pub(super) fn value(self, raw: &str, start: usize, name: Name) -> Vec<Edit> {
        let text = decoded(raw);
        let is_searched = !self.is_embedded || matches!(text, Cow::Owned(_));
        let mut edits = if is_searched { self.find(&text, name.lead()) } else { Vec::new() };
        if name.makes_secret(&text)
            && self.detector.judges_member(&text)
            && !edits.iter().any(|edit| edit.range == (0..text.len()))
        {
            edits = vec![Name::edit(0..text.len())];
        }
        if !self.is_embedded {
            edits.extend(self.embedded(&text));
        }
        spelled(raw, start, apart(edits))
    }

    /// A number, as it is written, of a member or list of that name.
    pub(super) fn number(self, token: &str, start: usize, name: Name) -> Option<Edit> {
        name.number(token, start..start + token.len()).filter(|_| self.detector.judges_member(token))
    }

    /// Texts that a reader puts together: each alone, and what is only there when they are joined.
    pub(super) fn adjacent(self, document: &str, texts: &[Text]) -> Vec<Vec<Edit>> {
        let raw = |text: &Text| &document[text.value.clone()];
        let alone = texts.iter().map(|text| self.value(raw(text), text.value.start, Name::NONE));
        let mut edits: Vec<_> = alone.collect();
        if texts.len() < 2 {
            return edits;
        }
        let (mut joined, mut ends) = (String::new(), Vec::new());
        for text in texts {
            string::decode(raw(text), &mut joined);
            ends.push(joined.len());
        }
        let parts = parts(self.find(&joined, ""), &ends);
        for ((text, edits), parts) in texts.iter().zip(&mut edits).zip(parts) {
            edits.extend(spelled(raw(text), text.value.start, parts));
            *edits = apart(std::mem::take(edits));
        }
        edits
    }

    /// Read behind `lead`, which is no part of it.
    fn find(self, text: &str, lead: &str) -> Vec<Edit> {
        if lead.is_empty() {
            return self.detector.find(text).into_iter().map(Edit::from).collect();
        }
        let found = self.detector.find(&[lead, text].concat()).into_iter();
        let behind = found.filter(|found| found.range.start >= lead.len());
        behind
            .map(|mut found| {
                found.range = found.range.start - lead.len()..found.range.end - lead.len();
                found.into()
            })
            .collect()
    }

    /// What names of members tell of in JSON that stands in a string.
    fn embedded(self, text: &str) -> Vec<Edit> {
        let inside = text.trim_ascii();
        if !(inside.starts_with('{') && inside.ends_with('}')
            || inside.starts_with('[') && inside.ends_with(']'))
        {
            return Vec::new();
        }
        let walk = Walk::new(Self { is_embedded: true, ..self }, text, Role::Data, None).run();
        if walk.edits.is_empty() || serde_json::from_str::<IgnoredAny>(text).is_err() {
            return Vec::new();
        }
        walk.edits.into_iter().map(|edit| Edit { is_nested: true, ..edit }).collect()
    }
}

/// The inside of a JSON string, decoded where it has escapes.
fn decoded(raw: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    string::decode(raw, &mut text);
    Cow::Owned(text)
}

/// Edits of the decoded text as edits of the document.
fn spelled(raw: &str, start: usize, edits: Vec<Edit>) -> Vec<Edit> {
    if edits.is_empty() {
        return edits;
    }
    let places = string::places(raw, edits.iter().map(|edit| edit.range.clone()));
    let at = |place: Range<usize>| start + place.start..start + place.end;
    edits.into_iter().zip(places).map(|(edit, place)| edit.at(at(place))).collect()
}

/// The part that each text has of edits of all of them joined; `ends` are where they end.
fn parts(edits: Vec<Edit>, ends: &[usize]) -> Vec<Vec<Edit>> {
    let mut edits = edits.into_iter().peekable();
    let mut start = 0;
    let part = |end: &usize| {
        let mut own = Vec::new();
        let within = |range: &Range<usize>| range.start.max(start) - start..range.end.min(*end) - start;
        while let Some(edit) = edits.next_if(|edit| edit.range.end <= *end) {
            let range = within(&edit.range);
            own.push(edit.at(range));
        }
        if let Some(edit) = edits.peek().filter(|edit| edit.range.start < *end && start < *end) {
            own.push(edit.clone().at(within(&edit.range)));
        }
        start = *end;
        own
    };
    ends.iter().map(part).collect()
}
