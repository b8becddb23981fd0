//! Places inside a message.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::walk::{elements, members};

/// A place in a JSON document: a JSON Pointer (RFC 6901), `/params/arguments/city` or `/result/content/0/text`.
///
/// ```
/// use shadowcat::{JsonRpcMessage, Pointer};
///
/// let city: Pointer = "/params/arguments/city".parse()?;
/// let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"weather","arguments":{"city":"Ulm"}}"#)?;
/// assert_eq!(city.find(call.bytes())?, Some(&br#""Ulm""#[..]));
/// let call = call.edit().set(&city, r#""Bonn""#).finish()?;
/// assert_eq!(call.params(), Some(&br#"{"name":"weather","arguments":{"city":"Bonn"}}"#[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pointer {
    tokens: Vec<String>,
}

/// What is no JSON Pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPointer {
    /// Neither empty nor begun by a slash.
    #[error("a JSON Pointer is empty or begins with a slash")]
    NoSlash,
    /// A tilde that is neither `~0` nor `~1`.
    #[error("after a tilde stands 0 or 1: `~0` is a tilde, `~1` a slash")]
    Tilde,
}

/// A key on the way stands twice, which only a transparent scan lets pass: peers differ in which one they read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key on the way stands twice")]
pub struct Ambiguous;

impl Pointer {
    /// The whole document.
    pub fn root() -> Self {
        Self::default()
    }

    /// One step further, by a key or an index as it is, unescaped.
    pub fn join(mut self, token: impl Into<String>) -> Self {
        self.tokens.push(token.into());
        self
    }

    /// The keys and indices on the way, unescaped.
    pub fn tokens(&self) -> impl ExactSizeIterator<Item = &str> + DoubleEndedIterator {
        self.tokens.iter().map(String::as_str)
    }

    /// The way without its last step, and that; none of the whole document.
    pub fn split_last(&self) -> Option<(Self, &str)> {
        let (last, parents) = self.tokens.split_last()?;
        Some((Self { tokens: parents.to_vec() }, last))
    }

    /// What stands there in `json`, raw: text that the scanner has passed, a whole message or a part of one.
    ///
    /// # Errors
    ///
    /// A key on the way stands twice.
    pub fn find<'a>(&self, json: &'a [u8]) -> Result<Option<&'a [u8]>, Ambiguous> {
        Ok(self.place(json)?.map(|place| &json[place]))
    }

    /// Where it stands in `json`.
    pub(crate) fn place(&self, json: &[u8]) -> Result<Option<Range<usize>>, Ambiguous> {
        let mut at = trimmed(json);
        for token in &self.tokens {
            let Some(inner) = step(&json[at.clone()], token)? else { return Ok(None) };
            at = at.start + inner.start..at.start + inner.end;
        }
        Ok(Some(at))
    }
}

/// The document without the space around it.
fn trimmed(json: &[u8]) -> Range<usize> {
    let inside = json.trim_ascii();
    let start = json.len() - json.trim_ascii_start().len();
    start..start + inside.len()
}

fn step(json: &[u8], token: &str) -> Result<Option<Range<usize>>, Ambiguous> {
    match json.first() {
        Some(b'{') => {
            let mut found = members(json).filter(|member| member.is(token));
            match (found.next(), found.next()) {
                (_, Some(_)) => Err(Ambiguous),
                (first, None) => Ok(first.map(|member| member.value_at)),
            }
        }
        Some(b'[') => Ok(index(token).and_then(|index| elements(json).nth(index))),
        _ => Ok(None),
    }
}

/// An index is written without sign and without leading zeros.
pub(crate) fn index(token: &str) -> Option<usize> {
    let canonical =
        token == "0" || (!token.starts_with('0') && token.bytes().all(|byte| byte.is_ascii_digit()));
    canonical.then(|| token.parse().ok()).flatten()
}

impl FromStr for Pointer {
    type Err = InvalidPointer;

    fn from_str(text: &str) -> Result<Self, InvalidPointer> {
        if text.is_empty() {
            return Ok(Self::root());
        }
        let tokens = text.strip_prefix('/').ok_or(InvalidPointer::NoSlash)?.split('/').map(unescaped);
        Ok(Self { tokens: tokens.collect::<Result<_, _>>()? })
    }
}

fn unescaped(token: &str) -> Result<String, InvalidPointer> {
    let mut parts = token.split('~');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (escaped, rest) = match part.as_bytes().first() {
            Some(b'0') => ('~', &part[1..]),
            Some(b'1') => ('/', &part[1..]),
            _ => return Err(InvalidPointer::Tilde),
        };
        out.push(escaped);
        out.push_str(rest);
    }
    Ok(out)
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tokens.iter().try_for_each(|token| write!(f, "/{}", token.replace('~', "~0").replace('/', "~1")))
    }
}
