//! A component that was loaded while a tape was made.

use std::sync::Arc;

/// A component that was loaded, so that it can be loaded again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
