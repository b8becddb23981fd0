//! A component that was loaded while a tape was made.

use std::fmt;
use std::sync::Arc;

/// A component that was loaded, so that it can be loaded again.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Component {
    /// Its id, as the host calls it.
    pub id: Arc<str>,
    /// Where it came from, the first time that it was loaded.
    pub uri: Option<Arc<str>>,
    /// The digest of what was loaded: `sha256:…`.
    pub digest: Option<Arc<str>>,
    /// What it may do, as the text of a policy: what the application said, or what was granted while the tape was made.
    pub policy: Option<Arc<str>>,
    /// The names of its tools.
    pub tools: Vec<Arc<str>>,
}

impl Component {
    /// A component of which no more is known.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    /// Where it came from.
    pub fn uri(mut self, uri: impl Into<Arc<str>>) -> Self {
        self.uri = Some(uri.into());
        self
    }

    /// The digest of what was loaded.
    pub fn digest(mut self, digest: impl Into<Arc<str>>) -> Self {
        self.digest = Some(digest.into());
        self
    }

    /// The text of its policy.
    pub fn policy(mut self, text: impl Into<Arc<str>>) -> Self {
        self.policy = Some(text.into());
        self
    }

    /// The name of one of its tools.
    pub fn tool(mut self, name: impl Into<Arc<str>>) -> Self {
        self.tools.push(name.into());
        self
    }
}

impl fmt::Debug for Component {
    /// Of where it came from and what it may do, which may hold secrets, only how long the texts are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = |text: &Option<Arc<str>>| text.as_ref().map(|text| text.len());
        f.debug_struct("Component")
            .field("id", &self.id)
            .field("uri", &length(&self.uri))
            .field("digest", &self.digest)
            .field("policy", &length(&self.policy))
            .field("tools", &self.tools)
            .finish()
    }
}
