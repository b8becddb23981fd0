//! What rides beside the messages of a reply.

use http::Extensions;

use super::outcome::Failed;
use crate::error::Error;
use crate::reply::Upstream;
use crate::session::ResponseMode;

/// What a reply's extensions say.
#[derive(Default)]
pub(super) struct Facts {
    /// How the reply is to be written.
    pub(super) mode: ResponseMode,
    /// What the server said over HTTP, with its status.
    pub(super) upstream: Option<Box<Upstream>>,
    /// A layer made an answer of this failure.
    pub(super) caught: Option<Error>,
}

impl Facts {
    pub(super) fn of(extensions: &Extensions) -> Self {
        Self {
            mode: extensions.get().copied().unwrap_or_default(),
            upstream: extensions.get().cloned().map(Box::new),
            caught: extensions.get().cloned(),
        }
    }
}

impl Failed {
    /// What the server said over HTTP when it failed.
    pub(super) fn upstream(&self) -> Option<&Upstream> {
        self.error.downcast_ref::<Error>()?.extensions().get()
    }
}
