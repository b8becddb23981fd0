//! Ids and tokens on the wire that are not the caller's own, and back.

use super::state::State;
use super::table::{Call, CallKind};
use crate::connect::rename::{self, Caller};
use crate::error::Error;
use crate::message::{JsonRpcMessage, OwnedId};
use crate::protocol::peek;

pub(super) use crate::connect::rename::cancel;

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
    rename::send(message.clone(), &fresh, call.token.is_some())
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

/// A cancellation that came as a plain message, as it may be written: under the id that is on the wire. `None`
/// where it could name the call of another session.
pub(super) fn cancelled(state: &State, message: &JsonRpcMessage) -> Option<JsonRpcMessage> {
    let named = peek::cancelled_id(message).ok()??.to_owned();
    match state.table.wire_id(&named, message.context()) {
        Some(wire) => rename::cancelled(message.clone(), &wire),
        // It crossed the answer; the server ignores it.
        None if !state.options.rewrite_ids && state.table.by_id(&named).is_none() => Some(message.clone()),
        None => None,
    }
}

/// Gives a message for `call` back the ids that its caller knows.
pub(super) fn restore(call: &Call, message: JsonRpcMessage) -> JsonRpcMessage {
    match &call.caller {
        Some(caller) => rename::restore(message, &call.id, caller, call.kind == CallKind::Listen),
        None => message,
    }
}
