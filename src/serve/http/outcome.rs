//! What comes of a call.

use http::StatusCode;

use super::replay::EventId;
use super::trail::Trail;
use crate::error::BoxError;
use crate::message::JsonRpcMessage;

/// What comes of a call.
pub(super) enum Next {
    /// A listen is open.
    Open,
    /// What comes before the response, and where it is kept.
    Message(JsonRpcMessage, Option<EventId>),
    /// The response, and where it is kept.
    Last(JsonRpcMessage, Option<EventId>),
    /// The channel below broke.
    Failed(Failed),
    /// Nothing more, as when nothing was due, or the call was cancelled.
    End,
}

/// A call that the server did not answer.
pub(super) struct Failed {
    pub(super) status: StatusCode,
    pub(super) answer: Option<JsonRpcMessage>,
    /// Where the answer is kept.
    pub(super) event: Option<EventId>,
    pub(super) error: BoxError,
}

impl Next {
    /// Keeps it for a client that comes back.
    pub(super) fn keep(&mut self, trail: Option<&Trail>) {
        match self {
            Self::Message(message, event) | Self::Last(message, event) => {
                *event = trail.and_then(|trail| trail.mark(message));
            }
            Self::Failed(failed) => failed.keep(trail),
            Self::Open | Self::End => {}
        }
    }
}

impl Failed {
    pub(super) fn keep(&mut self, trail: Option<&Trail>) {
        if self.event.is_none() {
            self.event = trail.zip(self.answer.as_ref()).and_then(|(trail, answer)| trail.mark(answer));
        }
    }
}
