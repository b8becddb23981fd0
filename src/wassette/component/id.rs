use std::fmt;
use std::str::FromStr;

/// The most bytes of an id.
const MAX: usize = 255;

/// The id of a component: the name of its file, without the ending; in builds after 0.8 also `local:name`, or the
/// repository that it came from.
///
/// Wassette joins an id with its directory and takes any text for one, so that an id such as `../x` leads out of the
/// directory. Here an id is what stays inside everywhere: 1 to 255 bytes, without control characters and `\`, without
/// an empty part, `.` or `..` between slashes, and without a drive at its start.
///
/// ```
/// use shadowcat::wassette::ComponentId;
///
/// let id: ComponentId = "microsoft_time-server-js".parse()?;
/// assert_eq!(id.as_str(), "microsoft_time-server-js");
/// let error = "../policy".parse::<ComponentId>().unwrap_err();
/// assert_eq!(error.to_string(), "a component's id has no empty parts, no `.` and `..`, and no drive");
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
        if text.is_empty() {
            return Err(BadComponentId::Empty);
        }
        if text.len() > MAX {
            return Err(BadComponentId::TooLong);
        }
        if let Some((at, found)) = text.char_indices().find(|(_, c)| c.is_control() || *c == '\\') {
            return Err(BadComponentId::Character { found, at });
        }
        let drive = text.as_bytes()[0].is_ascii_alphabetic() && text.as_bytes().get(1) == Some(&b':');
        if drive || text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(BadComponentId::LeadsOut);
        }
        Ok(Self(text.into()))
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
    /// It has an empty part, `.`, `..` or a drive.
    #[error("a component's id has no empty parts, no `.` and `..`, and no drive")]
    LeadsOut,
    /// It has more than 255 bytes.
    #[error("a component's id has at most {MAX} bytes")]
    TooLong,
    /// A control character or a backslash.
    #[error("a component's id holds no {found:?}, found at byte {at}")]
    Character {
        /// Which.
        found: char,
        /// Where.
        at: usize,
    },
}
