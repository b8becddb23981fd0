//! Ids and tokens on the wire that are not the caller's own, and back.

use super::state::State;
use super::table::{Call, CallKind, Caller};
use crate::error::Error;
use crate::message::{JsonRpcMessage, OwnedId, members};
use crate::protocol::{method, peek};

/// The request as it is sent under a fresh id, and its token under the same; `call` remembers the caller's.
pub(super) fn request(
    state: &mut State,
    message: &JsonRpcMessage,
    call: &mut Call,
    token: Option<OwnedId>,
) -> Result<JsonRpcMessage, Error> {
    let fresh = fresh_id(state);
    let id = std::mem::replace(&mut call.id, fresh.clone());
    call.token = token.is_some().then(|| fresh.clone());
    call.caller = Some(Box::new(Caller { id, token }));
    let sent = message.clone().with_id(fresh.clone());
    if call.token.is_none() {
        return Ok(sent);
    }
    sent.edit().meta("progressToken", fresh.as_str().as_bytes()).finish().map_err(Error::invalid)
}

/// A small integer that no pending or recently cancelled call uses.
fn fresh_id(state: &mut State) -> OwnedId {
    loop {
        state.next_id = match state.options.random_ids {
            true => fastrand::i64(1..=i64::from(i32::MAX)),
            false => state.next_id % i64::from(i32::MAX) + 1,
        };
        let id = OwnedId::from(state.next_id);
        if state.table.is_free(&id) && state.table.is_free_token(&id) {
            return id;
        }
    }
}

/// The message that cancels the call `wire_id`: the client's own under that id, or one of ours.
pub(super) fn cancel(wire_id: &OwnedId, own: Option<JsonRpcMessage>) -> JsonRpcMessage {
    let id = wire_id.as_str();
    own.and_then(|message| rename(message, wire_id)).unwrap_or_else(|| {
        JsonRpcMessage::notification(method::CANCELLED, format!(r#"{{"requestId":{id}}}"#))
            .expect("an id makes a well-formed cancellation")
    })
}

fn rename(message: JsonRpcMessage, wire_id: &OwnedId) -> Option<JsonRpcMessage> {
    let same = peek::cancelled_id(&message).ok()??.to_owned() == *wire_id;
    if same { Some(message) } else { with_param(message, "requestId", wire_id) }
}

/// A cancellation that came as a plain message, as it may be written: under the id that is on the wire. `None`
/// where it could name the call of another session.
pub(super) fn cancelled(state: &State, message: &JsonRpcMessage) -> Option<JsonRpcMessage> {
    let named = peek::cancelled_id(message).ok()??.to_owned();
    match state.table.wire_id(&named, message.context()) {
        Some(wire) => rename(message.clone(), &wire),
        // It crossed the answer; the server ignores it.
        None if !state.options.rewrite_ids && state.table.by_id(&named).is_none() => Some(message.clone()),
        None => None,
    }
}

/// Gives a message for `call` back the ids that its caller knows.
pub(super) fn restore(call: &Call, mut message: JsonRpcMessage) -> JsonRpcMessage {
    let Some(caller) = &call.caller else { return message };
    if message.id().is_some_and(|id| id.to_owned() == call.id) && message.method().is_none() {
        message = message.with_id(caller.id.clone());
    }
    if names(peek::subscription_id(&message), &call.id) {
        let edited =
            message.clone().edit().meta(peek::SUBSCRIPTION_ID, caller.id.as_str().as_bytes()).finish();
        message = edited.unwrap_or(message);
    }
    if call.kind == CallKind::Listen && names(peek::cancelled_id(&message), &call.id) {
        message = with_param(message.clone(), "requestId", &caller.id).unwrap_or(message);
    }
    match (&caller.token, &call.token) {
        (Some(caller), Some(wire))
            if message.method() == Some(method::PROGRESS) && names(peek::progress_token(&message), wire) =>
        {
            with_param(message.clone(), "progressToken", caller).unwrap_or(message)
        }
        _ => message,
    }
}

fn names(found: Result<Option<crate::message::Id<'_>>, peek::Unreadable>, id: &OwnedId) -> bool {
    found.ok().flatten().is_some_and(|found| found.to_owned() == *id)
}

/// Replaces the value of one member of `params` and no other byte.
fn with_param(message: JsonRpcMessage, key: &str, value: &OwnedId) -> Option<JsonRpcMessage> {
    let params = message.params()?;
    let place = members(params).find(|member| member.is(key))?.value_at;
    let params = [&params[..place.start], value.as_str().as_bytes(), &params[place.end..]].concat();
    message.edit().params(params).finish().ok()
}
