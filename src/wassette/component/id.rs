use std::fmt;
use std::str::FromStr;

/// The most bytes of an id: it is a file's name.
const MAX: usize = 255;

/// The id of a component: the name of its file, without the ending.
///
/// Wassette joins an id with its directory and takes any text for one, so that an id such as `../x` leads out of the
/// directory. Here an id is what can be the name of a file everywhere: 1 to 255 bytes, without control characters,
/// `/`, `\` and `:`, and neither `.` nor `..`.
///
/// ```
/// use shadowcat::wassette::ComponentId;
///
/// let id: ComponentId = "microsoft_time-server-js".parse()?;
/// assert_eq!(id.as_str(), "microsoft_time-server-js");
/// let error = "../policy".parse::<ComponentId>().unwrap_err();
/// assert_eq!(error.to_string(), "a component's id holds no '/', found at byte 2");
/// # Ok::<(), shadowcat::wassette::BadComponentId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComponentId(Box<str>);

impl ComponentId {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for ComponentId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for ComponentId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ComponentId {
    type Err = BadComponentId;

    fn from_str(text: &str) -> Result<Self, BadComponentId> {
        match text {
            "" => return Err(BadComponentId::Empty),
            "." | ".." => return Err(BadComponentId::Dots),
            _ if text.len() > MAX => return Err(BadComponentId::TooLong),
            _ => {}
        }
        let bad = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':');
        match text.char_indices().find(|(_, c)| bad(*c)) {
            Some((at, found)) => Err(BadComponentId::Character { found, at }),
            None => Ok(Self(text.into())),
        }
    }
}

impl TryFrom<String> for ComponentId {
    type Error = BadComponentId;

    fn try_from(text: String) -> Result<Self, BadComponentId> {
        text.parse()
    }
}

/// A text that is no id of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadComponentId {
    /// It is empty.
    #[error("a component's id is not empty")]
    Empty,
    /// It names a directory.
    #[error("a component's id is neither `.` nor `..`")]
    Dots,
    /// It has more than 255 bytes.
    #[error("a component's id has at most {MAX} bytes")]
    TooLong,
    /// A character that no file's name may have.
    #[error("a component's id holds no {found:?}, found at byte {at}")]
    Character {
        /// Which.
        found: char,
        /// Where.
        at: usize,
    },
}
