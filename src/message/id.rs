//! Request ids, kept as written and compared by what they mean.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::envelope::IdToken;
use super::text;

/// A message's id, borrowed from its bytes.
///
/// Two ids are equal when their JSON type and decoded value are: `"\u0031"` equals `"1"`, and neither equals
/// `1`.
///
/// ```
/// use shadowcat::JsonRpcMessage;
///
/// let message = JsonRpcMessage::parse(&br#"{"jsonrpc":"2.0","id":"\u0061","method":"ping"}"#[..])?;
/// let id = message.id().unwrap();
/// assert_eq!(id.as_str(), r#""\u0061""#);
/// assert_eq!(id.text().as_deref(), Some("a"));
/// # Ok::<(), shadowcat::ParseError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Id<'a> {
    token: IdToken,
    raw: &'a [u8],
}

impl<'a> Id<'a> {
    pub(crate) fn new(token: IdToken, raw: &'a [u8]) -> Self {
        Self { token, raw }
    }

    /// An id-like token, such as a progress token, from its JSON: a string or a number.
    pub(crate) fn from_json(json: &'a [u8]) -> Option<Self> {
        let raw = std::str::from_utf8(json).ok()?;
        let token = match json.first()? {
            b'"' => IdToken::String { escaped: raw.contains('\\') },
            b'-' | b'0'..=b'9' => match raw.parse::<i64>() {
                Ok(value) if raw != "-0" => IdToken::Integer(value),
                _ => IdToken::Number,
            },
            _ => return None,
        };
        Some(Self { token, raw: json })
    }

    /// The JSON token as written, quotes included.
    pub fn as_str(&self) -> &'a str {
        std::str::from_utf8(self.raw).expect("the scanner accepted these bytes as UTF-8")
    }

    /// The value of an integer id.
    pub fn as_i64(&self) -> Option<i64> {
        match self.token {
            IdToken::Integer(value) => Some(value),
            _ => None,
        }
    }

    /// The decoded text of a string id.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        match self.token {
            IdToken::String { escaped } => Some(text::decode(unquote(self.as_str()), escaped)),
            _ => None,
        }
    }

    /// The same id, independent of the message. Costs no allocation for integers.
    pub fn to_owned(&self) -> OwnedId {
        OwnedId::from_token(self.token, self.raw)
    }
}

impl PartialEq for Id<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.token, other.token) {
            (IdToken::Integer(a), IdToken::Integer(b)) => a == b,
            (IdToken::String { .. }, IdToken::String { .. }) => same_text(self.as_str(), other.as_str()),
            (a, b) => a == b && self.raw == other.raw,
        }
    }
}

impl Eq for Id<'_> {}

impl Hash for Id<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.token {
            IdToken::Integer(value) => value.hash(state),
            IdToken::String { .. } => self.text().hash(state),
            _ => self.raw.hash(state),
        }
    }
}

impl fmt::Debug for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.as_str())
    }
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An id that stands on its own: what tables are keyed by and answers are built with.
///
/// ```
/// use shadowcat::OwnedId;
///
/// assert_eq!(OwnedId::from(7).as_str(), "7");
/// assert_eq!(OwnedId::from("a\"b").as_str(), r#""a\"b""#);
/// assert_ne!(OwnedId::from(1), OwnedId::from("1"));
/// ```
#[derive(Clone)]
pub struct OwnedId(Repr);

#[derive(Clone)]
enum Repr {
    Integer(i64),
    /// Any other token as written; two words, so that tables stay small.
    Token(Arc<Token>),
}

#[derive(PartialEq, Eq)]
struct Token {
    kind: IdToken,
    raw: Box<str>,
}

impl OwnedId {
    #[inline]
    pub(crate) fn from_token(token: IdToken, raw: &[u8]) -> Self {
        match token {
            IdToken::Integer(value) => Self(Repr::Integer(value)),
            kind => Self::from_text(kind, raw),
        }
    }

    #[inline(never)]
    fn from_text(kind: IdToken, raw: &[u8]) -> Self {
        Self(Repr::Token(Arc::new(Token { kind, raw: String::from_utf8_lossy(raw).into() })))
    }

    /// The value of an integer id.
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Integer(value) => Some(value),
            _ => None,
        }
    }

    /// The JSON token, quotes included.
    pub fn as_str(&self) -> Cow<'_, str> {
        match &self.0 {
            Repr::Integer(value) => Cow::Owned(value.to_string()),
            Repr::Token(token) => Cow::Borrowed(&token.raw),
        }
    }

    /// The decoded text of a string id.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match &self.0 {
            Repr::Token(token) => match token.kind {
                IdToken::String { escaped } => Some(text::decode(unquote(&token.raw), escaped)),
                _ => None,
            },
            Repr::Integer(_) => None,
        }
    }

    /// Appends the JSON token.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Repr::Integer(value) => text::write_integer(out, *value),
            Repr::Token(token) => out.extend_from_slice(token.raw.as_bytes()),
        }
    }

    /// How the scanner classified this token.
    pub(crate) fn token(&self) -> IdToken {
        match &self.0 {
            Repr::Integer(value) => IdToken::Integer(*value),
            Repr::Token(token) => token.kind,
        }
    }
}

impl PartialEq for OwnedId {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Integer(a), Repr::Integer(b)) => a == b,
            (Repr::Token(a), Repr::Token(b)) => {
                a == b || (a.is_text() && b.is_text() && same_text(&a.raw, &b.raw))
            }
            _ => false,
        }
    }
}

impl Token {
    fn is_text(&self) -> bool {
        matches!(self.kind, IdToken::String { .. })
    }
}

impl Eq for OwnedId {}

impl Hash for OwnedId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Repr::Integer(value) => state.write_i64(*value),
            Repr::Token(token) if token.is_text() => self.text().hash(state),
            Repr::Token(token) => token.raw.hash(state),
        }
    }
}

impl fmt::Debug for OwnedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnedId({})", self.as_str())
    }
}

impl fmt::Display for OwnedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_str())
    }
}

impl From<i64> for OwnedId {
    /// An integer id. Strict peers take it within ±(2^53−1) only.
    fn from(value: i64) -> Self {
        Self(Repr::Integer(value))
    }
}

impl From<&str> for OwnedId {
    fn from(value: &str) -> Self {
        let mut raw = Vec::with_capacity(value.len() + 2);
        text::write_string(&mut raw, value);
        Self::from_token(IdToken::String { escaped: raw.contains(&b'\\') }, &raw)
    }
}

/// Whether two string tokens decode to the same text. Lone surrogates are no text: they equal nothing but the
/// same spelling.
fn same_text(a: &str, b: &str) -> bool {
    a == b || text::decode_exact(unquote(a)).is_some_and(|a| Some(a) == text::decode_exact(unquote(b)))
}

fn unquote(raw: &str) -> &str {
    raw.get(1..raw.len().saturating_sub(1)).unwrap_or("")
}
