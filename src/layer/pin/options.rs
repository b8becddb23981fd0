//! What becomes of what differs.

use crate::policy::pin::Names;

/// What becomes of a tool that is not what it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnDrift {
    /// It is taken out of lists and calls of it are refused, for as long as the server says something else than what is
    /// trusted.
    #[default]
    Block,
    /// The same, and until someone decides, even if the server goes back to what it said before:
    /// [`Pins::approve`](super::Pins::approve), [`Pins::dismiss`](super::Pins::dismiss).
    Hold,
    /// It passes, and is told. Nothing else is refused either, but what cannot be read.
    Report,
}

/// What becomes of a call of a tool that has not been in a list since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unseen {
    /// It passes until the server's list was complete once, and is refused from then on. With a lock file for the
    /// server, it is refused from the start: what it is now, nobody knows.
    #[default]
    UntilListed,
    /// It passes.
    Allow,
    /// It is refused.
    Refuse,
}

/// How [`Pins`](super::Pins) judge, and how much they keep.
///
/// ```
/// use shadowcat::layer::pin::{OnDrift, Options, Unseen};
/// use shadowcat::policy::pin::Names;
///
/// let names = Names::new();
/// let options = Options::new().on_drift(OnDrift::Hold).unseen(Unseen::Refuse).names(&names);
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(super) on_drift: OnDrift,
    pub(super) unseen: Unseen,
    pub(super) server: String,
    pub(super) names: Option<Names>,
    pub(super) max_tools: usize,
    pub(super) max_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            on_drift: OnDrift::default(),
            unseen: Unseen::default(),
            server: "upstream".to_owned(),
            names: None,
            max_tools: 1024,
            max_bytes: 16 << 20,
        }
    }
}

impl Options {
    /// What differs is blocked; 1,024 tools and 16 MiB of definitions for each server.
    pub fn new() -> Self {
        Self::default()
    }

    /// What becomes of what differs.
    pub fn on_drift(mut self, what: OnDrift) -> Self {
        self.on_drift = what;
        self
    }

    /// What becomes of a call of a tool that was in no list.
    pub fn unseen(mut self, what: Unseen) -> Self {
        self.unseen = what;
        self
    }

    /// What a server is called whose messages do not tell; `upstream` if it is not said here.
    pub fn server(mut self, name: &str) -> Self {
        name.clone_into(&mut self.server);
        self
    }

    /// Compares the tools' names with those of other stacks, too.
    pub fn names(mut self, names: &Names) -> Self {
        self.names = Some(names.clone());
        self
    }

    /// Tools of a server that are trusted at first sight, and drifts that are kept; of more tools, each counts as new.
    pub fn max_tools(mut self, tools: usize) -> Self {
        self.max_tools = tools;
        self
    }

    /// Bytes of their definitions together, and as many of the drifts.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }
}
