//! Finding secrets in text.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::formats::FORMATS;
use super::runs::{Class, Runs};
use super::{encoded, guess, place};

/// How deep base64 is looked into.
const DEPTH: usize = 2;

/// Finds secrets in text; see the [module](super). It is made once and shared.
pub struct Detector {
    /// Whatever a secret begins with or stands beside; the text is searched for all of them at once.
    words: AhoCorasick,
    hints: Vec<Hint>,
}

/// What a word may be a sign of.
#[derive(Clone, Copy, Debug)]
enum Hint {
    Format(usize),
    Scheme,
    Name,
    Userinfo,
    WebToken,
    PrivateKey,
    Telegram,
    Terraform,
}

/// Where a secret is, and of what kind.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Its place in the text, in bytes.
    pub range: Range<usize>,
    /// Its kind: `github-token`, `password`.
    pub kind: Cow<'static, str>,
}

/// What stands in the place of a secret: by default `[REDACTED:kind]`, which tells neither its length nor any part of
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    before: String,
    after: String,
    names_kind: bool,
}

impl Default for Marker {
    fn default() -> Self {
        Self { before: "[REDACTED:".into(), after: "]".into(), names_kind: true }
    }
}

impl Marker {
    /// This text, always.
    pub fn fixed(text: &str) -> Self {
        Self { before: text.into(), after: String::new(), names_kind: false }
    }

    /// The marker for a secret of this kind.
    pub fn of(&self, kind: &str) -> String {
        format!("{}{}{}", self.before, if self.names_kind { kind } else { "" }, self.after)
    }
}

/// The kind of what nothing but the name before it tells of.
const ASSIGNED: &str = "assigned";

/// Words that names of secrets contain.
const NAMES: [&str; 18] = [
    "apikey",
    "api_key",
    "api-key",
    "api.key",
    "auth",
    "cookie",
    "credential",
    "pass",
    "pwd",
    "secret",
    "token",
    "signature",
    "sig=",
    "_key",
    "-key",
    "accesskey",
    "accountkey",
    "privatekey",
];

impl Detector {
    /// All that is known here.
    pub fn new() -> Self {
        let mut words: Vec<(&str, Hint)> = Vec::new();
        words.extend(FORMATS.iter().enumerate().map(|(at, format)| (format.prefix, Hint::Format(at))));
        words.extend(NAMES.map(|name| (name, Hint::Name)));
        words.extend(
            ["masterkey", "secretkey", "signingkey", "encryptionkey", "code=", "key="]
                .map(|name| (name, Hint::Name)),
        );
        words.extend(["bearer", "basic"].map(|scheme| (scheme, Hint::Scheme)));
        words.extend([
            ("://", Hint::Userinfo),
            ("eyJ", Hint::WebToken),
            ("-----BEGIN ", Hint::PrivateKey),
            (":AA", Hint::Telegram),
            (".atlasv1.", Hint::Terraform),
        ]);
        let patterns = words.iter().map(|(word, _)| word);
        let found = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(patterns);
        let words_found = found.expect("a few hundred short words are within every limit");
        Self { words: words_found, hints: words.into_iter().map(|(_, hint)| hint).collect() }
    }

    /// Every secret in the text, in order; none lies in another.
    pub fn find(&self, text: &str) -> Vec<Finding> {
        self.find_to(text, DEPTH)
    }

    /// The text with a marker in the place of each secret.
    pub fn mask<'t>(&self, text: &'t str, marker: &Marker) -> Cow<'t, str> {
        let found = self.find(text);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for finding in found {
            out.push_str(&text[at..finding.range.start]);
            out.push_str(&marker.of(&finding.kind));
            at = finding.range.end;
        }
        out.push_str(&text[at..]);
        Cow::Owned(out)
    }

    /// The value of a member of this name: with a marker in its place where the name says that it is a secret, else
    /// with one in the place of each secret inside.
    ///
    /// ```
    /// use shadowcat::secret::{Detector, Marker};
    ///
    /// let (detector, marker) = (Detector::new(), Marker::fixed("***"));
    /// assert_eq!(detector.mask_member("password", "hunter2", &marker), "***");
    /// assert_eq!(detector.mask_member("token", "hello", &marker), "hello");
    /// ```
    pub fn mask_member<'t>(&self, name: &str, value: &'t str, marker: &Marker) -> Cow<'t, str> {
        match guess::is_secret_member(name, value) {
            true => Cow::Owned(marker.of("member")),
            false => self.mask(value, marker),
        }
    }

    fn find_to(&self, text: &str, depth: usize) -> Vec<Finding> {
        let mut found = self.plain(text);
        if depth > 0 {
            found.extend(encoded::texts(text).filter_map(|(range, inner)| {
                let kind = self.find_to(&inner, depth - 1).into_iter().next()?.kind;
                Some(Finding { range, kind })
            }));
        }
        found.sort_by_key(|finding| (finding.range.start, std::cmp::Reverse(finding.range.end)));
        found.into_iter().fold(Vec::new(), apart)
    }

    fn plain(&self, text: &str) -> Vec<Finding> {
        let mut looking = Looking { text, runs: Runs::new(text), end_of_key: None, known_to: 0 };
        let hits = self.words.find_overlapping_iter(text);
        let found = hits.filter_map(|hit| looking.judge(self.hints[hit.pattern().as_usize()], hit.range()));
        found.filter(|finding| !finding.range.is_empty()).collect()
    }
}

/// One text while it is searched.
struct Looking<'t> {
    text: &'t str,
    runs: Runs<'t>,
    /// Where the next private key ends: none is known, or there is none.
    end_of_key: Option<Option<usize>>,
    /// The end of the last secret that was found.
    known_to: usize,
}

impl Looking<'_> {
    fn judge(&mut self, hint: Hint, at: Range<usize>) -> Option<Finding> {
        // What stands inside of a secret need not be looked at by its place: many such places may overlap.
        if at.start < self.known_to && matches!(hint, Hint::Name | Hint::Scheme | Hint::Userinfo) {
            return None;
        }
        let (text, runs) = (self.text, &mut self.runs);
        let (kind, range) = match hint {
            Hint::Format(format) => (FORMATS[format].kind, FORMATS[format].find(text, at.start, runs)),
            Hint::Scheme => {
                let basic = text[at.clone()].eq_ignore_ascii_case("basic");
                (if basic { "basic" } else { "bearer" }, place::after_scheme(text, at, runs))
            }
            Hint::Name => (ASSIGNED, place::assigned(text, at, runs)),
            Hint::Userinfo => ("password-in-url", place::userinfo(text, at)),
            Hint::WebToken => ("jwt", place::web_token(text, at, runs)),
            Hint::PrivateKey => ("private-key", self.private_key(at)),
            Hint::Telegram => ("telegram-token", place::around(text, at, (Class::Digit, 8), 30, runs)),
            Hint::Terraform => {
                ("terraform-token", place::around(text, at, (Class::Alphanumeric, 14), 60, runs))
            }
        };
        let range = range?;
        self.known_to = self.known_to.max(range.end);
        Some(Finding { range, kind: kind.into() })
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

/// Of two that overlap, the first says what it is, unless it knows nothing but the name before it.
fn apart(mut found: Vec<Finding>, next: Finding) -> Vec<Finding> {
    match found.last_mut() {
        Some(last) if next.range.start < last.range.end => {
            last.range.end = last.range.end.max(next.range.end);
            if last.kind == ASSIGNED {
                last.kind = next.kind;
            }
        }
        _ => found.push(next),
    }
    found
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detector").field("words", &self.hints.len()).finish_non_exhaustive()
    }
}
