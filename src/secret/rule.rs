//! Rules of one's own: what a secret looks like that nobody else has.

use std::fmt;
use std::ops::Range;

use regex::Regex;

use super::allow::AllowList;
use super::guess::bits_of_entropy;

/// A rule's id has at most so many characters.
const MAX_ID: usize = 64;
/// A pattern has at most so many bytes, and compiles to at most so many.
const MAX_PATTERN: usize = 4096;
const MAX_COMPILED: usize = 1 << 20;
/// How far a pattern is looked for at once, in bytes.
const WINDOW: usize = 2048;
/// A match that does not end there is looked at in larger windows, up to this.
const MAX_WINDOW: usize = 64 << 10;
/// What two windows have in common.
const OVERLAP: usize = WINDOW / 2;

/// A kind of secret that the built-in ones do not know; the fields are those of gitleaks.
///
/// A match of up to 1 KiB is found; a longer one, if its first KiB matches as well. Where the pattern has groups, the
/// first that took part is the secret, or the one that [`secret_group`](Self::secret_group) says. How random it looks
/// is asked only where the pattern matches: [`entropy`](Self::entropy) narrows a rule and finds nothing by itself.
///
/// ```
/// use shadowcat::secret::{CustomRule, Detector, Marker};
///
/// let rule = CustomRule::new("acme-key", r"acme[-_]key\s*=\s*(\w{20})")?.keyword("acme").entropy(3.0);
/// let detector = Detector::builder().rule(rule).build();
/// assert_eq!(
///     detector.mask("acme_key = 7Kq2zXw0LmN4pRt8sVy1; acme_key = aaaaaaaaaaaaaaaaaaaa", &Marker::default()),
///     "acme_key = [REDACTED:acme-key]; acme_key = aaaaaaaaaaaaaaaaaaaa"
/// );
/// # Ok::<(), shadowcat::secret::InvalidRule>(())
/// ```
#[derive(Clone)]
pub struct CustomRule {
    id: String,
    pattern: Regex,
    keywords: Vec<String>,
    entropy: f64,
    group: Option<usize>,
    allow: AllowList,
}

/// Why something is no rule.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRule {
    /// The id is empty, too long or has other characters than letters, digits, `-`, `_` and `.`.
    #[error("the id of a rule is made of 1 to 64 letters, digits, `-`, `_` and `.`")]
    Id,
    /// The pattern has more than 4,096 bytes.
    #[error("a pattern has at most 4096 bytes")]
    TooLong,
    /// The pattern is none, or needs more than 1 MiB when it is compiled.
    #[error("no regular expression: {0}")]
    Pattern(regex::Error),
    /// The pattern matches where nothing is.
    #[error("the pattern matches an empty text, and so everywhere")]
    Everywhere,
    /// The pattern has no such group.
    #[error("the pattern has no group {0}")]
    Group(usize),
}

impl CustomRule {
    /// A rule of this id, which is what its findings are called, for what this pattern of the [`regex`] crate matches.
    ///
    /// # Errors
    ///
    /// The id or the pattern cannot be used.
    pub fn new(id: impl Into<String>, pattern: &str) -> Result<Self, InvalidRule> {
        let id = id.into();
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(is_fine) {
            return Err(InvalidRule::Id);
        }
        if pattern.len() > MAX_PATTERN {
            return Err(InvalidRule::TooLong);
        }
        let built =
            regex::RegexBuilder::new(pattern).size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).build();
        let pattern = built.map_err(InvalidRule::Pattern)?;
        if pattern.is_match("") {
            return Err(InvalidRule::Everywhere);
        }
        Ok(Self { id, pattern, keywords: Vec::new(), entropy: 0.0, group: None, allow: AllowList::new() })
    }

    /// The pattern is looked for only in texts that have one of the keywords, in whatever case. A rule without any
    /// is looked for in every text, which costs.
    pub fn keyword(mut self, word: &str) -> Self {
        self.keywords.extend((!word.is_empty()).then(|| word.to_owned()));
        self
    }

    /// How random the secret looks at least: bits for each character (Shannon), from 0 to 8.
    pub fn entropy(mut self, bits: f64) -> Self {
        self.entropy = bits;
        self
    }

    /// Which group of the pattern is the secret; 0 is all that matched.
    ///
    /// # Errors
    ///
    /// The pattern has no such group.
    pub fn secret_group(mut self, group: usize) -> Result<Self, InvalidRule> {
        if group >= self.pattern.captures_len() {
            return Err(InvalidRule::Group(group));
        }
        self.group = Some(group);
        Ok(self)
    }

    /// What this rule lets be.
    pub fn allow(mut self, allow: AllowList) -> Self {
        self.allow = self.allow.with(allow);
        self
    }

    /// What its findings are called.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn pattern(&self) -> &Regex {
        &self.pattern
    }

    pub(super) fn keywords(&self) -> &[String] {
        &self.keywords
    }

    /// Each secret in the text. A window of it is searched at a time: every match makes the search begin anew, so that
    /// else a hostile text would take quadratic time.
    pub(super) fn each_in(&self, text: &str, mut see: impl FnMut(Range<usize>)) {
        let (mut at, mut width) = (0, WINDOW);
        while at < text.len() {
            let end = boundary(text, at + width);
            let Some(found) = self.pattern.captures_at(&text[..end], at) else {
                at = if end == text.len() { end } else { boundary(text, end - OVERLAP) };
                width = WINDOW;
                continue;
            };
            let whole = found.get_match().range();
            if whole.end == end && end < text.len() && width < MAX_WINDOW {
                // It may go on; or it only ends here because the window does.
                width = if whole.start > at { WINDOW } else { width * 2 };
                at = whole.start;
                continue;
            }
            at = if whole.is_empty() { boundary(text, whole.end + 1) } else { whole.end };
            width = WINDOW;
            let secret = self.secret(&found);
            if self.is_one(&text[secret.clone()]) {
                see(secret);
            }
        }
    }

    fn secret(&self, found: &regex::Captures<'_>) -> Range<usize> {
        let group = match self.group {
            Some(group) => found.get(group),
            None => found.iter().skip(1).flatten().find(|group| !group.is_empty()),
        };
        group.map_or_else(|| found.get_match().range(), |group| group.range())
    }

    fn is_one(&self, secret: &str) -> bool {
        !secret.is_empty()
            && (self.entropy <= 0.0 || bits_of_entropy(secret) >= self.entropy)
            && !self.allow.allows(secret)
    }
}

/// The first place from here on where a character begins.
fn boundary(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

impl fmt::Debug for CustomRule {
    /// Not the pattern: it may be a secret's beginning.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomRule")
            .field("id", &self.id)
            .field("keywords", &self.keywords.len())
            .field("entropy", &self.entropy)
            .field("allow", &self.allow)
            .finish_non_exhaustive()
    }
}
