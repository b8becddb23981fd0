//! Requests that stand alone: those of 2026-07-28, and older ones where no sessions are served.

use std::sync::Arc;

use http::request::Parts;
use http::{Response, StatusCode};

use super::answer;
use super::body::Body;
use super::call::Call;
use super::front::Front;
use super::post::answer_to;
use crate::message::{Code, Context as Facts, Direction, JsonRpcMessage, Kind};
use crate::protocol::{Era, method, peek};
use crate::session::Principal;
use crate::wire::http::Mirrored;

/// A message of 2026-07-28.
pub(super) async fn modern(front: &Arc<Front>, head: &Parts, message: JsonRpcMessage) -> Response<Body> {
    if front.stateless.is_none() {
        return unsupported(front, &message);
    }
    give(front, head, message, Era::Modern).await
}

/// A message of a session that nobody keeps.
pub(super) async fn legacy(front: &Arc<Front>, head: &Parts, message: JsonRpcMessage) -> Response<Body> {
    if message.kind() == Kind::Response {
        return answer::unasked();
    }
    give(front, head, message, Era::Legacy).await
}

async fn give(front: &Arc<Front>, head: &Parts, message: JsonRpcMessage, era: Era) -> Response<Body> {
    // Leaving is how a client cancels here, and the id might be another client's too.
    if message.kind() == Kind::Notification && message.is_method(method::CANCELLED) {
        return answer::status(StatusCode::ACCEPTED);
    }
    let Some(stack) = front.stateless.clone() else {
        return answer::unknown_session(message.responder().id());
    };
    let facts = Arc::new(facts(head, era, &message));
    let message = message.with_context(facts);
    let begun = front.stateless_calls.begin(message.kind(), None, None, |ticket| {
        let call = Call::new(&message, None, era, stack.call(message.clone()), ticket);
        if era == Era::Modern { call.speaking(front.endpoint.spoken()) } else { call }
    });
    match begun {
        Ok(call) => answer_to(front, head, &message, call).await,
        Err(refused) => answer::not_taken(refused, &message.responder()),
    }
}

fn facts(head: &Parts, era: Era, message: &JsonRpcMessage) -> Facts {
    let mut facts = Facts::new(Direction::ToUpstream);
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
    let error = JsonRpcMessage::error_response_with(id.id(), Code::UNSUPPORTED_VERSION, why, Some(&data));
    answer::json(StatusCode::BAD_REQUEST, &error)
}
