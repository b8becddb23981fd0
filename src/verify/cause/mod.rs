//! Why two answers differ, by what the difference looks like.

mod words;

use std::fmt;
use std::sync::Arc;

use crate::tape::Difference;

/// A likely cause of differences, and how they look that it causes.
///
/// A rule is a guess by form. That two texts look like times says that time *may* be why they differ.
///
/// ```
/// use shadowcat::verify::Cause;
///
/// assert!(Cause::time().explains("at 2026-11-21T13:40:00Z", "at 2026-11-21T13:40:07Z"));
/// assert!(!Cause::time().explains("at 2026-11-21T13:40:00Z", "at noon"));
/// let versions = Cause::words("version", |a, b| a.starts_with('v') && b.starts_with('v'));
/// assert!(versions.explains("server v1.2", "server v1.3"));
/// ```
#[derive(Clone)]
pub struct Cause {
    name: Arc<str>,
    rule: Rule,
}

/// Of each pair of words that differ.
type OfWords = dyn Fn(&str, &str) -> bool + Send + Sync;
/// Of the whole.
type OfWhole = dyn Fn(&Difference) -> bool + Send + Sync;

#[derive(Clone)]
enum Rule {
    Words(Arc<OfWords>),
    Whole(Arc<OfWhole>),
}

impl Cause {
    /// `time`: dates, days and times of day in the forms of ISO 8601, RFC 2822, of syslog and of clocks of twelve hours, and numbers that are seconds
    /// to nanoseconds since 1970, between the years 2001 and 2100.
    pub fn time() -> Self {
        Self::words("time", words::are_times)
    }

    /// `random`: UUIDs, and words of the same length of 8 characters or more that are hexadecimal, or of 16 or more
    /// that are of base64 or base32, with digits in both.
    pub fn random() -> Self {
        Self::words("random", words::are_random)
    }

    /// `network`: addresses, hosts with ports, durations (`12ms`), and what only errors of networks say.
    pub fn network() -> Self {
        Self::words("network", words::are_network)
    }

    /// The three that are built in, in this order.
    pub fn builtin() -> Vec<Self> {
        vec![Self::time(), Self::random(), Self::network()]
    }

    /// A cause by its words: `rule` is asked for each pair of words that differ between two texts whose words are as
    /// many. A word has no space, quote, comma, semicolon, bracket or `=` in it.
    pub fn words(name: &str, rule: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Self {
        Self { name: name.into(), rule: Rule::Words(Arc::new(rule)) }
    }

    /// A cause by its place, or by anything else of the difference.
    ///
    /// ```
    /// use shadowcat::verify::Cause;
    ///
    /// let counts = Cause::new("counter", |difference| difference.path.ends_with("/requests"));
    /// assert_eq!(counts.name(), "counter");
    /// ```
    pub fn new(name: &str, rule: impl Fn(&Difference) -> bool + Send + Sync + 'static) -> Self {
        Self { name: name.into(), rule: Rule::Whole(Arc::new(rule)) }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this cause alone is why the two texts differ. A cause by its place never is.
    pub fn explains(&self, expected: &str, actual: &str) -> bool {
        let Rule::Words(rule) = &self.rule else { return false };
        words::pairs(expected, actual).is_some_and(|pairs| {
            let mut pairs = pairs.into_iter().peekable();
            pairs.peek().is_some() && pairs.all(|(a, b)| rule(a, b))
        })
    }
}

/// The names of the causes that together explain a difference; none where part of it is unexplained. `texts` are the
/// whole of what differs, which a [`Difference`] may have cut.
pub(super) fn of(causes: &[Cause], difference: &Difference, texts: Option<(&str, &str)>) -> Vec<Arc<str>> {
    let whole = causes.iter().find(|cause| match &cause.rule {
        Rule::Whole(rule) => rule(difference),
        Rule::Words(_) => false,
    });
    if let Some(cause) = whole {
        return vec![cause.name.clone()];
    }
    let Some(pairs) = texts.and_then(|(expected, actual)| words::pairs(expected, actual)) else {
        return Vec::new();
    };
    let mut names: Vec<Arc<str>> = Vec::new();
    for (a, b) in pairs {
        let explains = |cause: &&Cause| matches!(&cause.rule, Rule::Words(rule) if rule(a, b));
        let Some(cause) = causes.iter().find(explains) else { return Vec::new() };
        if !names.contains(&cause.name) {
            names.push(cause.name.clone());
        }
    }
    names
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cause").field(&self.name).finish()
    }
}
