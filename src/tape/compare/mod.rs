//! What differs between two JSON documents.

mod difference;
mod document;
mod number;
mod pattern;
mod walk;

use document::{Document, Spelling};
use pattern::Pattern;
use walk::Walk;

use crate::message::{InvalidPointer, Pointer};

pub use difference::{Change, Difference};

/// How two JSON documents are compared: what counts, and what is not looked at.
///
/// ```
/// use shadowcat::tape::{Change, Comparison};
///
/// let compare = Comparison::structural().ignore("/result/content/*/annotations")?.ignore("/**/at")?;
/// let recorded = br#"{"id":1,"result":{"total":1.50,"at":"12:00","content":[{"text":"a"}]}}"#;
/// let live = br#"{"result":{"content":[{"text":"b"}],"at":"12:07","total":15e-1},"id":1}"#;
///
/// let differences = compare.differences(recorded, live);
/// assert_eq!(differences.len(), 1);
/// assert_eq!((differences[0].path.as_str(), differences[0].change), ("/result/content/0/text", Change::Changed));
/// assert_eq!(differences[0].to_string(), r#"/result/content/0/text: "a" became "b""#);
/// # Ok::<(), shadowcat::message::InvalidPointer>(())
/// ```
#[derive(Clone, Debug)]
pub struct Comparison {
    spelling: Spelling,
    ignored: Vec<Pattern>,
}

impl Default for Comparison {
    fn default() -> Self {
        Self::structural()
    }
}

impl Comparison {
    /// The most differences that are told of two documents.
    pub const MAX_DIFFERENCES: usize = 100;

    /// What a program reads: the order of members does not count, nor how a number or a text is spelled. An array's
    /// order does; `1` and `1.0` are one number.
    pub fn structural() -> Self {
        Self { spelling: Spelling::Free, ignored: Vec::new() }
    }

    /// What is written: the order of members counts, and how numbers and texts are spelled; space between tokens
    /// does not.
    pub fn exact() -> Self {
        Self { spelling: Spelling::Counts, ignored: Vec::new() }
    }

    /// Does not look at a place, in neither document: a JSON Pointer, in which `*` is any one step and `**` any
    /// number of steps.
    ///
    /// # Errors
    ///
    /// It is no JSON Pointer.
    pub fn ignore(mut self, path: &str) -> Result<Self, InvalidPointer> {
        self.ignored.push(Pattern::of(&path.parse::<Pointer>()?));
        Ok(self)
    }

    /// What has become of the expected document, in its order; nothing where the two are equal. What is no JSON, or
    /// has a key twice, or is nested deeper than 128, is compared byte for byte there.
    pub fn differences(&self, expected: &[u8], actual: &[u8]) -> Vec<Difference> {
        self.differences_up_to(Self::MAX_DIFFERENCES, expected, actual).0
    }

    /// The same with another bound, and whether there are more.
    pub(crate) fn differences_up_to(
        &self,
        most: usize,
        expected: &[u8],
        actual: &[u8],
    ) -> (Vec<Difference>, bool) {
        let mut walk = Walk::new(self.spelling, &self.ignored).most(most);
        walk.compare(&Document::of(expected), &Document::of(actual));
        walk.into_found()
    }

    /// Whether nothing differs.
    pub fn is_equal(&self, expected: &[u8], actual: &[u8]) -> bool {
        expected == actual || !self.differences_up_to(0, expected, actual).1
    }

    /// One spelling of all documents that are equal, to look them up by: the keys of two are the same exactly where
    /// nothing differs.
    pub fn key(&self, json: &[u8]) -> Vec<u8> {
        Walk::new(self.spelling, &self.ignored).key(&Document::of(json))
    }
}
