//! Requests that stand alone: those of 2026-07-28, and older ones where no sessions are served.

use std::sync::Arc;

use http::request::Parts;
use http::{Response, StatusCode};

use super::answer;
use super::body::Body;
use super::call::Call;
use super::front::Front;
use super::post::{Given, Giving};
use crate::message::{Code, Context as Facts, Direction, JsonRpcMessage, Kind};
use crate::protocol::{Era, method, peek};
use crate::session::Principal;
use crate::wire::http::{Accepted, Mirrored};

/// A message of 2026-07-28.
pub(super) fn modern(front: &Front, head: &Parts, accepted: Accepted, message: JsonRpcMessage) -> Giving {
    if front.stateless.is_none() {
        return Err(unsupported(front, &message).into());
    }
    give(front, head, accepted, message, Era::Modern)
}

/// A message of a session that nobody keeps.
pub(super) fn legacy(front: &Front, head: &Parts, accepted: Accepted, message: JsonRpcMessage) -> Giving {
    if message.kind() == Kind::Response {
        return Err(answer::unasked().into());
    }
    give(front, head, accepted, message, Era::Legacy)
}

fn give(front: &Front, head: &Parts, accepted: Accepted, message: JsonRpcMessage, era: Era) -> Giving {
    // Leaving is how a client cancels here, and the id might be another client's too.
    if message.kind() == Kind::Notification && message.is_method(method::CANCELLED) {
        return Err(answer::status(StatusCode::ACCEPTED).into());
    }
    let Some(stack) = front.stateless.clone() else {
        return Err(answer::unknown_session(message.responder().id()).into());
    };
    let facts = Arc::new(facts(head, era, &message));
    let message = message.with_context(facts);
    let begun = front.stateless_calls.begin(message.kind(), None, None, |ticket| {
        let call = Call::new(&message, None, era, stack.call(message.clone()), ticket);
        if era == Era::Modern { call.speaking(front.endpoint.spoken()) } else { call }
    });
    match begun {
        Ok(call) => Ok(Given::called(front, accepted, &message, call)),
        Err(refused) => Err(answer::not_taken(refused, &message.responder()).into()),
    }
}

fn facts(head: &Parts, era: Era, message: &JsonRpcMessage) -> Facts {
    let mut facts = Facts::new(Direction::ToUpstream).transport("http");
    facts.shared_mut().insert(era);
    if era == Era::Modern && message.is_method(method::TOOLS_CALL) {
        facts.shared_mut().insert(Mirrored::new(message.clone(), &head.headers));
    }
    if let Some(principal) = head.extensions.get::<Principal>() {
        facts.shared_mut().insert(principal.clone());
    }
    facts
}

/// Only sessions are served here.
fn unsupported(front: &Front, message: &JsonRpcMessage) -> Response<Body> {
    let requested = peek::protocol_version(message).ok().flatten().unwrap_or_default();
    let legacy = front.endpoint.spoken().iter().filter(|version| version.era() == Era::Legacy);
    let supported: Vec<_> = legacy.map(|version| version.as_str()).collect();
    let data = serde_json::json!({ "supported": supported, "requested": requested }).to_string();
    let why = "unsupported protocol version";
    let id = message.responder();
    let error = JsonRpcMessage::refusal_with(id.id(), Code::UNSUPPORTED_VERSION, why, Some(&data));
    answer::because(answer::json(StatusCode::BAD_REQUEST, &error), why)
}
