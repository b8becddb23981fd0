//! Names as rules compare them: exactly to allow, by what a lax peer may read to deny.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::message::folded;
use crate::rules::Text;

/// A name that is asked about, folded once if anybody needs that.
#[derive(Debug)]
pub(super) struct Name<'a> {
    pub(super) text: &'a str,
    folded: OnceCell<Cow<'a, str>>,
}

impl<'a> Name<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, folded: OnceCell::new() }
    }

    pub(super) fn folded(&self) -> &str {
        self.folded.get_or_init(|| folded(self.text))
    }
}

/// What a rule says of a name.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) text: Text,
    /// Only where folds are compared, too.
    folded: Option<Text>,
}

/// A regular expression grows too large when it is to ignore case.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooLarge;

impl Pattern {
    pub(super) fn new(text: &Text, folds: bool) -> Result<Self, TooLarge> {
        let folded = if folds { Some(text.folded().ok_or(TooLarge)?) } else { None };
        Ok(Self { text: text.clone(), folded })
    }

    /// A name is what it is and what it folds to; so is a pattern.
    pub(super) fn matches(&self, name: &Name<'_>) -> bool {
        if self.text.matches(name.text) {
            return true;
        }
        let Some(pattern) = &self.folded else { return false };
        let fold = name.folded();
        pattern.matches(fold)
            || (fold != name.text && (pattern.matches(name.text) || self.text.matches(fold)))
    }

    /// Whether it surely matches every name whose fold begins so.
    pub(super) fn matches_all_after(&self, begins: &str) -> bool {
        self.folded.as_ref().is_some_and(|pattern| pattern.matches_all_after(begins))
    }
}
