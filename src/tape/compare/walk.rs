//! Two documents side by side.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::Comparison;
use super::difference::Difference;
use super::document::{Document, Spelling, Value};
use super::number;
use super::pattern::Pattern;
use crate::message::{Pointer, decode_exact, write_string};

type Members<'a> = BTreeMap<String, (usize, Document<'a>)>;

pub(super) struct Walk<'c> {
    spelling: Spelling,
    ignored: &'c [Pattern],
    path: Vec<String>,
    found: Vec<Difference>,
    /// So many are told.
    most: usize,
    /// Bytes of their places.
    told: usize,
    /// There is another.
    is_cut: bool,
}

/// Bytes of the places of all differences that are told of two documents: each may be as long as the document.
const MAX_PLACES: usize = 1 << 20;

impl<'c> Walk<'c> {
    pub(super) fn new(spelling: Spelling, ignored: &'c [Pattern]) -> Self {
        let most = Comparison::MAX_DIFFERENCES;
        Self { spelling, ignored, path: Vec::new(), found: Vec::new(), most, told: 0, is_cut: false }
    }

    pub(super) fn most(mut self, differences: usize) -> Self {
        self.most = differences;
        self
    }

    /// What was found, and whether there is more.
    pub(super) fn into_found(self) -> (Vec<Difference>, bool) {
        (self.found, self.is_cut)
    }

    pub(super) fn compare(&mut self, expected: &Document<'_>, actual: &Document<'_>) {
        if self.is_cut || self.is_ignored() {
            return;
        }
        match (&expected.value, &actual.value) {
            (Value::Object(expected), Value::Object(actual)) => self.objects(expected, actual),
            (Value::Array(expected), Value::Array(actual)) => {
                for at in 0..expected.len().max(actual.len()) {
                    self.step(&at.to_string(), |walk| walk.pair(expected.get(at), actual.get(at)));
                }
            }
            _ if self.spelled(expected) == self.spelled(actual) => {}
            _ => self.differ(Some(expected), Some(actual)),
        }
    }

    fn objects(&mut self, expected: &Members<'_>, actual: &Members<'_>) {
        let known = self.found.len();
        let mut in_order: Vec<_> =
            expected.iter().map(|(key, (at, value))| (*at, key, Some(value))).collect();
        let new = actual.iter().filter(|(key, _)| !expected.contains_key(*key));
        in_order.extend(new.map(|(key, (at, _))| (expected.len() + at, key, None)));
        in_order.sort_unstable_by_key(|(at, ..)| *at);
        for (_, key, value) in in_order {
            self.step(key, |walk| walk.pair(value, actual.get(key).map(|(_, value)| value)));
        }
        let is_same = self.found.len() == known;
        if is_same && self.spelling == Spelling::Counts && self.order(expected) != self.order(actual) {
            self.tell(Difference::reordered);
        }
    }

    fn pair(&mut self, expected: Option<&Document<'_>>, actual: Option<&Document<'_>>) {
        match (expected, actual) {
            (Some(expected), Some(actual)) => self.compare(expected, actual),
            _ if self.is_ignored() => {}
            _ => self.differ(expected, actual),
        }
    }

    fn differ(&mut self, expected: Option<&Document<'_>>, actual: Option<&Document<'_>>) {
        let (expected, actual) = (expected.map(|side| side.written), actual.map(|side| side.written));
        self.tell(|place| Difference::new(place, expected, actual));
    }

    fn tell(&mut self, difference: impl FnOnce(String) -> Difference) {
        if self.found.len() >= self.most || self.told > MAX_PLACES {
            self.is_cut = true;
            return;
        }
        let place = self.place();
        self.told += place.len();
        self.found.push(difference(place));
    }

    pub(super) fn key(mut self, document: &Document<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity(document.written.len());
        if !document.is_json && !self.is_ignored() {
            // No document begins so.
            out.push(0);
        }
        self.write(&mut out, document);
        out
    }

    fn write(&mut self, out: &mut Vec<u8>, document: &Document<'_>) {
        if self.is_ignored() {
            return;
        }
        match &document.value {
            Value::Object(members) => {
                out.push(b'{');
                for key in self.order(members) {
                    write_string(out, key);
                    self.step(key, |walk| walk.write(out, &members[key].1));
                }
                out.push(b'}');
            }
            Value::Array(elements) => {
                out.push(b'[');
                for (at, element) in elements.iter().enumerate() {
                    self.step(&at.to_string(), |walk| walk.element(out, at, element));
                }
                out.push(b']');
            }
            _ => out.extend_from_slice(&self.spelled(document)),
        }
    }

    /// With its place, since one before it may not be looked at.
    fn element(&mut self, out: &mut Vec<u8>, at: usize, element: &Document<'_>) {
        if !self.is_ignored() {
            out.extend_from_slice(format!(",{at}:").as_bytes());
            self.write(out, element);
        }
    }

    /// The keys that are looked at, in the order that counts.
    fn order<'m>(&mut self, members: &'m Members<'_>) -> Vec<&'m str> {
        let mut keys: Vec<_> = members.iter().map(|(key, (at, _))| (*at, key.as_str())).collect();
        keys.retain(|(_, key)| !self.step(key, |walk| walk.is_ignored()));
        keys.sort_by(|one, other| match self.spelling {
            Spelling::Free => Ordering::Equal,
            Spelling::Counts => one.0.cmp(&other.0),
        });
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// A value without parts, as it is compared. Its first byte tells what it is.
    fn spelled<'d>(&self, document: &Document<'d>) -> Cow<'d, [u8]> {
        if self.spelling == Spelling::Counts {
            return Cow::Borrowed(document.written);
        }
        match document.value {
            Value::Text(raw) => match decode_exact(raw) {
                Some(text) => {
                    let mut out = Vec::with_capacity(text.len() + 2);
                    write_string(&mut out, &text);
                    Cow::Owned(out)
                }
                // A lone surrogate is like itself only.
                None => Cow::Borrowed(document.written),
            },
            Value::Number(raw) => number::normal(raw)
                .map_or(Cow::Borrowed(document.written), |normal| Cow::Owned(normal.into_bytes())),
            _ => Cow::Borrowed(document.written),
        }
    }

    fn step<R>(&mut self, token: &str, then: impl FnOnce(&mut Self) -> R) -> R {
        self.path.push(token.to_owned());
        let result = then(self);
        self.path.pop();
        result
    }

    fn is_ignored(&self) -> bool {
        self.ignored.iter().any(|pattern| pattern.is(&self.path))
    }

    fn place(&self) -> String {
        self.path.iter().fold(Pointer::root(), |place, token| place.join(token)).to_string()
    }
}
