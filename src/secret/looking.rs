//! One text while it is searched.

use std::borrow::Cow;
use std::ops::Range;

use super::allow::AllowList;
use super::detector::Finding;
use super::formats::FORMATS;
use super::hint::Hint;
use super::place;
use super::runs::{Class, Runs};

/// What is known of a text, from left to right.
pub(super) struct Looking<'t> {
    text: &'t str,
    allow: &'t AllowList,
    runs: Runs<'t>,
    /// Where the next private key ends: none is known, or there is none.
    end_of_key: Option<Option<usize>>,
    /// The end of the last secret that was found.
    known_to: usize,
    /// The end of the last secret that is let be.
    allowed_to: usize,
    found: Vec<Finding>,
}

impl<'t> Looking<'t> {
    pub(super) fn new(text: &'t str, allow: &'t AllowList) -> Self {
        let runs = Runs::new(text);
        Self { text, allow, runs, end_of_key: None, known_to: 0, allowed_to: 0, found: Vec::new() }
    }

    /// In no order.
    pub(super) fn into_found(self) -> Vec<Finding> {
        self.found
    }

    /// Whether a word that stands at `at` belongs to a secret.
    pub(super) fn judge(&mut self, hint: Hint, at: Range<usize>) {
        // What stands inside of a secret need not be looked at by its place: many such places may overlap.
        let by_place = matches!(hint, Hint::Name | Hint::Bearer | Hint::Basic | Hint::Userinfo);
        if at.start < self.allowed_to || (by_place && at.start < self.known_to) {
            return;
        }
        if let Some(range) = self.range(hint, at) {
            self.keep(range, hint.kind().into());
        }
    }

    fn range(&mut self, hint: Hint, at: Range<usize>) -> Option<Range<usize>> {
        let (text, runs) = (self.text, &mut self.runs);
        match hint {
            Hint::Format(format) => FORMATS[format].find(text, at.start, runs),
            Hint::Bearer | Hint::Basic => place::after_scheme(text, at, runs),
            Hint::Name => place::assigned(text, at, runs),
            Hint::Userinfo => place::userinfo(text, at, runs),
            Hint::WebToken => place::web_token(text, at, runs),
            Hint::PrivateKey => self.private_key(at),
            Hint::Telegram => place::around(text, at, (Class::Digit, 8), 30, runs),
            Hint::Terraform => place::around(text, at, (Class::Alphanumeric, 14), 60, runs),
            #[cfg(feature = "regex")]
            Hint::Rule(_) => None,
        }
    }

    /// Unless it is allowed. Inside of what is found already nothing is: it goes with it.
    pub(super) fn keep(&mut self, range: Range<usize>, kind: Cow<'static, str>) {
        if range.is_empty() {
            return;
        }
        if range.end > self.known_to && self.allow.allows(&self.text[range.clone()]) {
            self.allowed_to = self.allowed_to.max(range.end);
            return;
        }
        self.known_to = self.known_to.max(range.end);
        self.found.push(Finding { range, kind });
    }

    /// From its first line to its last; where that is missing, to the end.
    fn private_key(&mut self, at: Range<usize>) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        let line = &bytes[at.end..bytes.len().min(at.end + 48)];
        let dashes = memchr::memmem::find(line, b"-----")?;
        let label = &line[..dashes];
        [&b"PRIVATE KEY"[..], b"PRIVATE KEY BLOCK"].iter().find(|end| label.ends_with(end))?;
        let known = self.end_of_key.filter(|end| end.is_none_or(|end| end > at.end));
        let end = known.unwrap_or_else(|| {
            let last = memchr::memmem::find(&bytes[at.end..], b"-----END ")? + at.end;
            let rest = &bytes[last + 9..];
            Some(
                memchr::memmem::find(&rest[..rest.len().min(64)], b"-----")
                    .map_or(last, |dashes| last + 9 + dashes + 5),
            )
        });
        self.end_of_key = Some(end);
        Some(at.start..end.unwrap_or(bytes.len()))
    }
}
