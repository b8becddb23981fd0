//! What a caller is told when the channel below broke: one JSON-RPC error, and nothing of what is inside.

use crate::error::{BoxError, Error};
use crate::message::{Code, JsonRpcMessage, Responder};

/// The answer to a request that failed; `None` where no answer is due. The details go to `tracing`.
///
/// The text tells whose fault it is in general terms, and `data` names it for programs, so that it cannot be
/// mistaken for the server's own error (2026-07-28 basic: error codes).
pub(crate) fn failure(responder: &Responder, error: &BoxError) -> Option<JsonRpcMessage> {
    let id = responder.id()?;
    tracing::warn!(%id, %error, "a call failed");
    let (kind, text) = explain(error.downcast_ref());
    let data = format!(r#"{{"shadowcat":{{"kind":"{kind}"}}}}"#);
    Some(JsonRpcMessage::refusal_with(Some(id), Code::INTERNAL_ERROR, text, Some(&data)))
}

fn explain(error: Option<&Error>) -> (&'static str, &'static str) {
    match error {
        Some(error) if error.is_timeout() => ("timeout", "The call took too long"),
        Some(error) if error.is_overflow() => ("overflow", "The reply was read too slowly and was cut off"),
        Some(error) if error.is_busy() => ("busy", "Too many calls at once; try again later"),
        Some(error) if error.is_invalid() => ("invalid_reply", "The server's reply was not acceptable"),
        Some(error) if error.is_too_large() => ("too_large", "A message was too large"),
        Some(error) if error.is_closed() => ("upstream_closed", "The server is gone"),
        _ => ("failed", "The call failed"),
    }
}
