//! Ids and tokens of one call on the wire that are not the caller's own, and back.

use crate::error::Error;
use crate::message::{Id, JsonRpcMessage, OwnedId, members};
use crate::protocol::{method, peek};

/// The caller's own id and token.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) id: OwnedId,
    pub(super) token: Option<OwnedId>,
}

/// The request as it is sent under a fresh id, and its token, if it has one, under the same.
pub(super) fn send(
    message: JsonRpcMessage,
    fresh: &OwnedId,
    has_token: bool,
) -> Result<JsonRpcMessage, Error> {
    let sent = message.with_id(fresh.clone());
    if !has_token {
        return Ok(sent);
    }
    sent.edit().meta("progressToken", fresh.as_str().as_bytes()).finish().map_err(Error::invalid)
}

/// Gives a message for the call `wire` back the ids that its caller knows.
pub(super) fn restore(
    mut message: JsonRpcMessage,
    wire: &OwnedId,
    caller: &Caller,
    is_listen: bool,
) -> JsonRpcMessage {
    if message.id().is_some_and(|id| id.to_owned() == *wire) && message.method().is_none() {
        message = message.with_id(caller.id.clone());
    }
    if names(peek::subscription_id(&message), wire) {
        let edited =
            message.clone().edit().meta(peek::SUBSCRIPTION_ID, caller.id.as_str().as_bytes()).finish();
        message = edited.unwrap_or(message);
    }
    if is_listen && names(peek::cancelled_id(&message), wire) {
        message = with_param(message.clone(), "requestId", &caller.id).unwrap_or(message);
    }
    match &caller.token {
        Some(token)
            if message.method() == Some(method::PROGRESS) && names(peek::progress_token(&message), wire) =>
        {
            with_param(message.clone(), "progressToken", token).unwrap_or(message)
        }
        _ => message,
    }
}

/// The message that cancels the call `wire`: the client's own under that id, or one of ours.
pub(super) fn cancel(wire: &OwnedId, own: Option<JsonRpcMessage>) -> JsonRpcMessage {
    let id = wire.as_str();
    own.and_then(|message| cancelled(message, wire)).unwrap_or_else(|| {
        JsonRpcMessage::notification(method::CANCELLED, format!(r#"{{"requestId":{id}}}"#))
            .expect("an id makes a well-formed cancellation")
    })
}

/// A cancellation that names the call `wire`.
pub(super) fn cancelled(message: JsonRpcMessage, wire: &OwnedId) -> Option<JsonRpcMessage> {
    let same = peek::cancelled_id(&message).ok()??.to_owned() == *wire;
    if same { Some(message) } else { with_param(message, "requestId", wire) }
}

fn names(found: Result<Option<Id<'_>>, peek::Unreadable>, id: &OwnedId) -> bool {
    found.ok().flatten().is_some_and(|found| found.to_owned() == *id)
}

/// Replaces the value of one member of `params` and no other byte.
pub(super) fn with_param(message: JsonRpcMessage, key: &str, value: &OwnedId) -> Option<JsonRpcMessage> {
    let params = message.params()?;
    let place = members(params).find(|member| member.is(key))?.value_at;
    let params = [&params[..place.start], value.as_str().as_bytes(), &params[place.end..]].concat();
    message.edit().params(params).finish().ok()
}
