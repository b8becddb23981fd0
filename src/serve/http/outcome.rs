//! What comes of a call.

use http::{Extensions, StatusCode};

use crate::error::{BoxError, Error};
use crate::message::JsonRpcMessage;
use crate::reply::Upstream;
use crate::session::ResponseMode;

/// What comes of a call.
pub(super) enum Next {
    /// A listen is open.
    Open,
    /// What comes before the response.
    Message(JsonRpcMessage),
    /// The response, or how the server ends a listen without one.
    Last(JsonRpcMessage),
    /// The channel below broke.
    Failed(Failed),
    /// Nothing more, as when nothing was due, or the call was cancelled.
    End,
}

/// A call that the server did not answer.
pub(super) struct Failed {
    pub(super) status: StatusCode,
    pub(super) answer: Option<JsonRpcMessage>,
    pub(super) error: BoxError,
}

impl Failed {
    /// What the server said over HTTP when it failed.
    pub(super) fn upstream(&self) -> Option<&Upstream> {
        self.error.downcast_ref::<Error>()?.extensions().get()
    }
}

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
