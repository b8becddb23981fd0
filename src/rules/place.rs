//! Places inside a message.

use std::fmt;

use serde_json::Value;

use crate::message::{Pointer, index};

/// Where in a message: one place by a JSON Pointer, or as many as a JSONPath finds.
///
/// It begins at the whole message: `/params/arguments/city`, `$.result.content[*].text`.
///
/// ```
/// use shadowcat::rules::Place;
///
/// let city = Place::from("/params/arguments/city".parse::<shadowcat::Pointer>()?);
/// assert_eq!(city.payload(), Some("params"));
/// # Ok::<(), shadowcat::message::InvalidPointer>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Place(Way);

#[derive(Clone, PartialEq)]
enum Way {
    Pointer(Pointer),
    #[cfg(feature = "jsonpath")]
    Path(Box<serde_json_path::JsonPath>),
}

/// What is no JSONPath.
#[cfg(feature = "jsonpath")]
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPath(serde_json_path::ParseError);

impl From<Pointer> for Place {
    fn from(pointer: Pointer) -> Self {
        Self(Way::Pointer(pointer))
    }
}

impl Place {
    /// By a JSONPath (RFC 9535).
    ///
    /// # Errors
    ///
    /// It is none.
    #[cfg(feature = "jsonpath")]
    pub fn path(path: &str) -> Result<Self, InvalidPath> {
        Ok(Self(Way::Path(Box::new(serde_json_path::JsonPath::parse(path).map_err(InvalidPath)?))))
    }

    /// The places that there are in this document, as pointers into it. A pointer is a place also where nothing
    /// stands.
    pub(crate) fn pointers(&self, #[allow(unused_variables)] document: &Value) -> Vec<Pointer> {
        match &self.0 {
            Way::Pointer(pointer) => vec![pointer.clone()],
            #[cfg(feature = "jsonpath")]
            Way::Path(path) => {
                let found = path.query_located(document);
                found.locations().filter_map(|location| location.to_json_pointer().parse().ok()).collect()
            }
        }
    }

    /// What stands there.
    pub(crate) fn values<'a>(&self, document: &'a Value) -> Vec<&'a Value> {
        match &self.0 {
            Way::Pointer(pointer) => step_by_step(document, pointer).into_iter().collect(),
            #[cfg(feature = "jsonpath")]
            Way::Path(path) => path.query(document).all(),
        }
    }

    /// The only place, where it is one.
    pub(crate) fn as_pointer(&self) -> Option<&Pointer> {
        match &self.0 {
            Way::Pointer(pointer) => Some(pointer),
            #[cfg(feature = "jsonpath")]
            Way::Path(_) => None,
        }
    }

    /// The member of the message that it leads into (`params`, `result`, …), where that can be told.
    pub fn payload(&self) -> Option<&str> {
        match &self.0 {
            Way::Pointer(pointer) => pointer.tokens().next(),
            #[cfg(feature = "jsonpath")]
            Way::Path(path) => first_name(path),
        }
    }
}

/// The member that a path begins with, if it is one by name and no other. Names stand as they are in the text of a
/// path; whether one that stands in quotes holds quotes itself, only reading the text again tells.
#[cfg(feature = "jsonpath")]
fn first_name(path: &serde_json_path::JsonPath) -> Option<&'static str> {
    let text = path.to_string();
    MEMBERS.into_iter().find(|name| {
        let dotted = text.strip_prefix("$.").and_then(|rest| rest.strip_prefix(name));
        let quoted = || text.strip_prefix("$['")?.strip_prefix(name)?.strip_prefix("']");
        let ends = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
        dotted.is_some_and(ends)
            || (quoted().is_some_and(ends)
                && serde_json_path::JsonPath::parse(&text).is_ok_and(|again| again == *path))
    })
}

/// The members of a message.
#[cfg(feature = "jsonpath")]
const MEMBERS: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

fn step_by_step<'a>(document: &'a Value, pointer: &Pointer) -> Option<&'a Value> {
    pointer.tokens().try_fold(document, |at, token| match at {
        Value::Object(members) => members.get(token),
        Value::Array(elements) => elements.get(index(token)?),
        _ => None,
    })
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Way::Pointer(pointer) => pointer.fmt(f),
            #[cfg(feature = "jsonpath")]
            Way::Path(path) => path.fmt(f),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({self})")
    }
}
