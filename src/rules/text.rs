//! What a name or another text is compared with.

use std::fmt;

use wildmatch::WildMatch;

use crate::message::folded;

/// What a name, a URI or another text has to be.
///
/// ```
/// use shadowcat::rules::Text;
///
/// assert!(Text::exact("get_weather").matches("get_weather"));
/// assert!(Text::glob("get_*").matches("get_weather"));
/// assert!(!Text::any_of([Text::exact("a"), Text::glob("b?")]).matches("b"));
/// ```
#[derive(Clone, PartialEq)]
pub struct Text(Shape);

#[derive(Clone)]
enum Shape {
    Exact(Box<str>),
    Glob(WildMatch),
    #[cfg(feature = "regex")]
    Regex(regex::Regex),
    AnyOf(Vec<Text>),
}

/// What is no regular expression, or too large a one.
#[cfg(feature = "regex")]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRegex(regex::Error);

/// A regular expression compiles to at most so many bytes.
#[cfg(feature = "regex")]
const MAX_REGEX: usize = 1 << 20;

impl Text {
    /// This very text.
    pub fn exact(text: &str) -> Self {
        Self(Shape::Exact(text.into()))
    }

    /// A pattern in which `*` stands for any characters, slashes among them, and `?` for one. Nothing else has a
    /// meaning of its own.
    pub fn glob(pattern: &str) -> Self {
        Self(Shape::Glob(WildMatch::new(pattern)))
    }

    /// A regular expression of the [`regex`] crate, searched for anywhere in the text: `^` and `$` bind it. It takes
    /// time linear in the text, whatever the expression.
    ///
    /// # Errors
    ///
    /// It is none, or needs more than 1 MiB when it is compiled.
    #[cfg(feature = "regex")]
    pub fn regex(pattern: &str) -> Result<Self, InvalidRegex> {
        let regex = regex::RegexBuilder::new(pattern).size_limit(MAX_REGEX).build();
        Ok(Self(Shape::Regex(regex.map_err(InvalidRegex)?)))
    }

    /// Any of these; of none, no text.
    pub fn any_of(texts: impl IntoIterator<Item = Self>) -> Self {
        Self(Shape::AnyOf(texts.into_iter().collect()))
    }

    /// Whether `text` is one.
    pub fn matches(&self, text: &str) -> bool {
        match &self.0 {
            Shape::Exact(exact) => **exact == *text,
            Shape::Glob(pattern) => pattern.matches(text),
            #[cfg(feature = "regex")]
            Shape::Regex(regex) => regex.is_match(text),
            Shape::AnyOf(texts) => texts.iter().any(|any| any.matches(text)),
        }
    }

    /// The same of folded texts: what it names is folded, and a regular expression ignores case. Nothing, where it grows
    /// too large by that.
    pub(crate) fn folded(&self) -> Option<Self> {
        Some(Self(match &self.0 {
            Shape::Exact(text) => Shape::Exact(folded(text).into()),
            Shape::Glob(pattern) => Shape::Glob(WildMatch::new(&folded(&pattern.to_string()))),
            #[cfg(feature = "regex")]
            Shape::Regex(regex) => {
                let mut builder = regex::RegexBuilder::new(regex.as_str());
                Shape::Regex(builder.case_insensitive(true).size_limit(4 * MAX_REGEX).build().ok()?)
            }
            Shape::AnyOf(texts) => Shape::AnyOf(texts.iter().map(Self::folded).collect::<Option<Vec<_>>>()?),
        }))
    }

    /// The only texts that it matches, where they can be told.
    pub(crate) fn exacts(&self) -> Option<Vec<&str>> {
        match &self.0 {
            Shape::Exact(text) => Some(vec![text]),
            Shape::AnyOf(texts) => {
                let parts = texts.iter().map(Self::exacts).collect::<Option<Vec<_>>>()?;
                Some(parts.concat())
            }
            _ => None,
        }
    }

    /// How many texts and patterns it is made of.
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Shape::AnyOf(texts) => texts.iter().map(Self::len).sum(),
            _ => 1,
        }
    }

    /// Whether it surely matches every text that begins so.
    pub(crate) fn matches_all_after(&self, begins: &str) -> bool {
        match &self.0 {
            Shape::Glob(pattern) => {
                let pattern = pattern.to_string();
                let literal = pattern.trim_end_matches('*');
                literal.len() < pattern.len() && !literal.contains(['*', '?']) && begins.starts_with(literal)
            }
            Shape::AnyOf(texts) => texts.iter().any(|text| text.matches_all_after(begins)),
            _ => false,
        }
    }

    /// Whether it may match some text that begins so; where that cannot be told, it may.
    pub(crate) fn may_match_after(&self, begins: &str) -> bool {
        match &self.0 {
            Shape::Exact(text) => text.starts_with(begins),
            Shape::Glob(pattern) => {
                let pattern = pattern.to_string();
                let literal = pattern.split(['*', '?']).next().unwrap_or_default();
                if literal.len() == pattern.len() {
                    return literal.starts_with(begins);
                }
                literal.starts_with(begins) || begins.starts_with(literal)
            }
            #[cfg(feature = "regex")]
            Shape::Regex(_) => true,
            Shape::AnyOf(texts) => texts.iter().any(|text| text.may_match_after(begins)),
        }
    }

    /// Whether it can match nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(&self.0, Shape::AnyOf(texts) if texts.iter().all(Self::is_empty))
    }

    /// Whether it matches every text.
    pub(crate) fn is_any(&self) -> bool {
        match &self.0 {
            Shape::Glob(pattern) => {
                let pattern = pattern.to_string();
                !pattern.is_empty() && pattern.bytes().all(|byte| byte == b'*')
            }
            Shape::AnyOf(texts) => texts.iter().any(Self::is_any),
            _ => false,
        }
    }

    /// Whether it surely matches all that `other` does.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.is_any()
            || self == other
            || other.exacts().is_some_and(|texts| texts.iter().all(|text| self.matches(text)))
    }

    /// Whether surely no text matches both.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        let none = |exacts: Option<Vec<&str>>, pattern: &Self| {
            exacts.is_some_and(|texts| !texts.iter().any(|text| pattern.matches(text)))
        };
        none(self.exacts(), other) || none(other.exacts(), self)
    }
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(one), Self::Exact(other)) => one == other,
            (Self::Glob(one), Self::Glob(other)) => one == other,
            #[cfg(feature = "regex")]
            (Self::Regex(one), Self::Regex(other)) => one.as_str() == other.as_str(),
            (Self::AnyOf(one), Self::AnyOf(other)) => one == other,
            _ => false,
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Shape::Exact(text) => write!(f, "{text:?}"),
            Shape::Glob(pattern) => write!(f, "glob {:?}", pattern.to_string()),
            #[cfg(feature = "regex")]
            Shape::Regex(regex) => write!(f, "regex {:?}", regex.as_str()),
            Shape::AnyOf(texts) => f.debug_list().entries(texts).finish(),
        }
    }
}
