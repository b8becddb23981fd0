//! One tool, as its server defines it.

use std::fmt;
use std::sync::Arc;

use super::ToolDigest;
use super::canonical::Node;

/// A tool's entry in a list of tools, whole: name, title, description, schemas, annotations, and whatever else stands
/// there, `_meta` too, because a client may act on it. Cheap to clone.
///
/// Its size is that of the entry.
#[derive(Clone, PartialEq, Eq)]
pub struct Definition(Arc<Parts>);

#[derive(PartialEq, Eq)]
struct Parts {
    name: String,
    canonical: String,
    digest: ToolDigest,
}

/// An entry that defines no tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDefinition {
    /// It is no object, holds a key twice or one that peers read in different ways, or is nested more than 160 deep.
    #[error("the definition is no object that every peer reads alike")]
    Unreadable,
    /// It has no `name` that is text.
    #[error("the definition has no name that every peer reads alike")]
    NoName,
}

impl Definition {
    /// Reads an entry: JSON that a message held, or at least valid JSON.
    ///
    /// ```
    /// use shadowcat::policy::pin::{Definition, InvalidDefinition};
    ///
    /// let echo = Definition::read(br#"{ "name": "echo", "title": "\u0045cho" }"#)?;
    /// assert_eq!((echo.name(), echo.canonical()), ("echo", r#"{"name":"echo","title":"Echo"}"#));
    /// assert_eq!(Definition::read(b"{}"), Err(InvalidDefinition::NoName));
    /// # Ok::<(), InvalidDefinition>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It defines no tool.
    pub fn read(entry: &[u8]) -> Result<Self, InvalidDefinition> {
        let node = Node::read(entry).ok_or(InvalidDefinition::Unreadable)?;
        let Node::Map(members) = &node else { return Err(InvalidDefinition::Unreadable) };
        let named = members.iter().find(|(key, _)| key == "name").map(|(_, value)| value);
        let Some(Node::Text(name)) = named else { return Err(InvalidDefinition::NoName) };
        let canonical = node.compact();
        let digest = ToolDigest::of(&canonical);
        Ok(Self(Arc::new(Parts { name: name.clone().into_owned(), canonical, digest })))
    }

    /// The tool's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What it is known by.
    pub fn digest(&self) -> ToolDigest {
        self.0.digest
    }

    /// The entry as JSON in its canonical form.
    pub fn canonical(&self) -> &str {
        &self.0.canonical
    }

    pub(super) fn node(&self) -> Node<'_> {
        Node::read(self.0.canonical.as_bytes()).expect("it was written from what was read")
    }
}

impl fmt::Debug for Definition {
    /// Name and digest; the text is the server's and may be long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definition").field("name", &self.name()).field("digest", &self.digest()).finish()
    }
}
