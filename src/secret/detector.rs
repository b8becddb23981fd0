//! Finding secrets in text.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::allow::AllowList;
use super::builder::Builder;
use super::hint::{self, ASSIGNED, Hint, MEMBER};
use super::looking::Looking;
use super::marker::Marker;
#[cfg(feature = "regex")]
use super::rule::CustomRule;
use super::words::Words;
use super::{encoded, guess};

/// How deep base64 is looked into.
const DEPTH: usize = 2;

/// Finds secrets in text; see the [module](super). It is made once and shared.
pub struct Detector {
    /// Whatever a secret begins with or stands beside; the text is searched for all of them at once.
    words: Words<Hint>,
    allow: AllowList,
    /// Whether the name of a member makes a secret of its value.
    members: bool,
    #[cfg(feature = "regex")]
    rules: Vec<CustomRule>,
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

impl Detector {
    /// All that is known here.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// For one that looks for more, or for less.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Every kind of secret that is known here.
    ///
    /// ```
    /// use shadowcat::secret::Detector;
    ///
    /// assert!(Detector::kinds().any(|kind| kind == "github-token"));
    /// ```
    pub fn kinds() -> impl Iterator<Item = &'static str> {
        hint::kinds()
    }

    pub(super) fn of(settings: Builder) -> Self {
        Self {
            words: words(&settings),
            allow: settings.allow,
            members: !settings.without.contains(MEMBER),
            #[cfg(feature = "regex")]
            rules: settings.rules,
        }
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
            out.push_str(&marker.standing_for(&finding.kind, finding.range.len()));
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
        match self.is_secret_member(name, value) {
            true => Cow::Owned(marker.standing_for(MEMBER, value.len())),
            false => self.mask(value, marker),
        }
    }

    /// Whether the name of a member says that its whole value is a secret.
    ///
    /// ```
    /// use shadowcat::secret::{AllowList, Detector};
    ///
    /// assert!(Detector::new().is_secret_member("password", "hunter2"));
    /// let detector = Detector::builder().allow(AllowList::new().value("hunter2")).build();
    /// assert!(!detector.is_secret_member("password", "hunter2"));
    /// ```
    pub fn is_secret_member(&self, name: &str, value: &str) -> bool {
        guess::is_secret_member(name, value) && self.judges_member(value)
    }

    /// Whether what a member's name says of this value counts.
    pub(super) fn judges_member(&self, value: &str) -> bool {
        self.members && !self.allow.allows(value)
    }

    /// What it lets be: [`AllowList::allows_path`] is for whoever knows where a text stands.
    pub fn allow_list(&self) -> &AllowList {
        &self.allow
    }

    /// Whether there is anything that a secret begins with or stands beside.
    pub(super) fn has_word(&self, text: &str) -> bool {
        let mut has = false;
        self.words.each_in(text, |_, _| has = true);
        has
    }

    fn find_to(&self, text: &str, depth: usize) -> Vec<Finding> {
        let mut found = self.plain(text);
        if depth > 0 {
            found.extend(encoded::texts(text).filter_map(|(range, inner)| {
                let kind = self.find_to(&inner, depth - 1).into_iter().next()?.kind;
                (!self.allow.allows(&text[range.clone()])).then_some(Finding { range, kind })
            }));
        }
        found.sort_by_key(|finding| (finding.range.start, std::cmp::Reverse(finding.range.end)));
        found.dedup_by(is_part);
        found
    }

    #[cfg(not(feature = "regex"))]
    fn plain(&self, text: &str) -> Vec<Finding> {
        let mut looking = Looking::new(text, &self.allow);
        self.words.each_in(text, |hint, at| looking.judge(hint, at));
        looking.into_found()
    }

    #[cfg(feature = "regex")]
    fn plain(&self, text: &str) -> Vec<Finding> {
        let mut looking = Looking::new(text, &self.allow);
        let mut due: Vec<bool> = self.rules.iter().map(|rule| rule.keywords().is_empty()).collect();
        self.words.each_in(text, |hint, at| match hint {
            Hint::Rule(number) => due[number] = true,
            hint => looking.judge(hint, at),
        });
        let mut found = looking.into_found();
        for (rule, _) in self.rules.iter().zip(due).filter(|(_, due)| *due) {
            // A new look: each goes from left to right.
            let mut looking = Looking::new(text, &self.allow);
            rule.each_in(text, |range| looking.keep(range, Cow::Owned(rule.id().to_owned())));
            found.extend(looking.into_found());
        }
        found
    }
}

fn words(settings: &Builder) -> Words<Hint> {
    #[cfg_attr(not(feature = "regex"), expect(unused_mut, reason = "rules of one's own are added"))]
    let mut words: Vec<(&str, Hint)> =
        hint::words().filter(|(_, hint)| !settings.without.contains(hint.kind())).collect();
    #[cfg(feature = "regex")]
    for (number, rule) in settings.rules.iter().enumerate() {
        words.extend(rule.keywords().iter().map(|word| (word.as_str(), Hint::Rule(number))));
    }
    Words::new(words)
}

/// Of two that overlap, one is left. The first says what it is, unless it knows nothing but the name before it.
fn is_part(next: &mut Finding, last: &mut Finding) -> bool {
    if next.range.start >= last.range.end {
        return false;
    }
    last.range.end = last.range.end.max(next.range.end);
    if last.kind == ASSIGNED {
        last.kind = std::mem::take(&mut next.kind);
    }
    true
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Detector");
        out.field("words", &self.words.len()).field("allow", &self.allow);
        #[cfg(feature = "regex")]
        out.field("rules", &self.rules);
        out.finish_non_exhaustive()
    }
}
