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

    /// A layer has made a result of an error: what is known of that is not about the answer any more.
    pub(super) fn forget_failure(&mut self) {
        (self.upstream, self.caught) = (None, None);
    }
}

impl Failed {
    /// What the server said over HTTP when it failed. Not of a lost session, which clients know by one status and our own
    /// word, and not what was no failure where it was said.
    pub(super) fn upstream(&self) -> Option<&Upstream> {
        let error = self.error.downcast_ref::<Error>().filter(|error| !error.is_session_lost())?;
        error.extensions().get().filter(|said: &&Upstream| !said.status.is_success())
    }
}
