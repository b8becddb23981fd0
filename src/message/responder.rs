//! Answering a request later than it was seen.

use std::fmt::Display;

use super::{Code, JsonRpcMessage, OwnedId, ParseError};

/// What is needed to answer a message: its id, or that no answer is due. Small and owned.
///
/// ```
/// use shadowcat::{Code, JsonRpcMessage};
///
/// let request = JsonRpcMessage::request(7, "tools/call", r#"{"name":"rm"}"#)?;
/// let responder = request.responder();
/// let answer = responder.error(Code::INVALID_PARAMS, "Unknown tool: rm").unwrap();
/// assert_eq!(answer.id().unwrap().as_i64(), Some(7));
///
/// let note = JsonRpcMessage::notification("notifications/initialized", "")?;
/// assert!(note.responder().error(Code::INTERNAL_ERROR, "nobody asked").is_none());
/// # Ok::<(), shadowcat::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Responder {
    id: Option<OwnedId>,
}

impl Responder {
    pub(crate) fn new(id: Option<OwnedId>) -> Self {
        Self { id }
    }

    /// For what is no message: nothing is answered.
    #[cfg(feature = "http")]
    pub(crate) fn of_nobody() -> Self {
        Self::new(None)
    }

    /// The id to answer with; `None` where no answer is due.
    pub fn id(&self) -> Option<&OwnedId> {
        self.id.as_ref()
    }

    /// An error response; `None` where no answer is due.
    ///
    /// It is the word of whoever was asked. A layer that answers with it in their place marks it
    /// ([`synthetic`](JsonRpcMessage::synthetic)), as `Reply::refuse` does.
    pub fn error(&self, code: Code, why: impl Display) -> Option<JsonRpcMessage> {
        Some(JsonRpcMessage::error_response(Some(self.id.as_ref()?), code, why))
    }

    /// One of ours, in the place of whoever should have answered.
    pub(crate) fn refusal(&self, code: Code, why: impl Display) -> Option<JsonRpcMessage> {
        Some(JsonRpcMessage::refusal(Some(self.id.as_ref()?), code, why))
    }

    /// A result response from raw JSON; `None` where no answer is due.
    ///
    /// # Errors
    ///
    /// `result` is not JSON.
    pub fn result(&self, result: impl AsRef<[u8]>) -> Result<Option<JsonRpcMessage>, ParseError> {
        self.id.as_ref().map(|id| JsonRpcMessage::response(id.clone(), result)).transpose()
    }
}
