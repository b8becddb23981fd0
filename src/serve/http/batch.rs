//! Batches: several messages in one POST, which only 2025-03-26 has (2025-03-26 basic/transports, "Sending Messages to
//! the Server"). Each message goes its own way; what is gathered is the response.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};

use super::answer;
use super::body::Body;
use super::calls::Refused;
use super::events::Reading;
use super::front::{Front, Open};
use super::gather::Gathering;
use super::live::Live;
use super::post::{authorize, is_asked};
use crate::message::{self, Code, JsonRpcMessage, Kind, NoBatch};
use crate::protocol::{Era, ProtocolVersion, header, method};
use crate::wire::http::accepted;

type Refusing<T> = Result<T, Box<Response<Body>>>;

/// The session of the request, if batches are of its revision. `None` where they are refused like other bodies.
pub(super) fn session_of(front: &Front, head: &Parts) -> Refusing<Option<Arc<Live>>> {
    let Some(id) = head.headers.get(header::SESSION_ID) else { return Ok(None) };
    match id.to_str().ok().and_then(|id| front.find(id, &head.extensions)) {
        Some(Open::Streamable(live)) => {
            Ok(Some(live).filter(|live| live.session.version().is_some_and(ProtocolVersion::has_batches)))
        }
        _ => Err(Box::new(answer::unknown_session(None))),
    }
}

/// Gives the stack every message, or none: the batch is judged whole first.
pub(super) async fn post(front: &Front, head: &Parts, live: Arc<Live>, body: Bytes) -> Response<Body> {
    let messages = match read(front, head, &body) {
        Ok(messages) => messages,
        Err(refusal) => {
            answer::tell(front, head, &body, &refusal);
            return *refusal;
        }
    };
    let asks = messages.iter().any(|message| message.kind() == Kind::Request);
    let (mut gathering, mut untaken) = (Gathering::new(live.clone()), None);
    let not_taken = |message: &JsonRpcMessage, answer: Response<Body>| {
        answer::tell(front, head, message.bytes(), &answer);
        answer
    };
    for mut message in messages {
        authorize(front.options.transparent, &mut message, &head.headers);
        match message.kind() {
            Kind::Notification if live.cancel(&message) => continue,
            Kind::Response if !is_asked(&live, &message) => {
                untaken = Some(not_taken(&message, answer::unasked()));
                continue;
            }
            _ => {}
        }
        match live.call(message.clone()) {
            Ok(call) => gathering.wait_for(Reading::new(call, None)),
            Err(Refused::Closed) => return not_taken(&message, answer::unknown_session(None)),
            Err(refused) => {
                let responder = message.responder();
                let answer = not_taken(&message, answer::not_taken(refused, &responder));
                match message.kind() {
                    Kind::Request => gathering.answer(refused, &responder),
                    _ => {
                        live.ask_again(&message);
                        untaken = Some(answer);
                    }
                }
            }
        }
    }
    if asks {
        return gathering.respond(accepted(&head.headers), &front.options).await;
    }
    let settled = gathering.settle().await;
    untaken.unwrap_or(settled)
}

/// The messages of a batch that may be one.
fn read(front: &Front, head: &Parts, body: &Bytes) -> Refusing<Vec<JsonRpcMessage>> {
    let mut messages = Vec::new();
    for body in split(body, front.options.max_batch)? {
        match front.endpoint.read(&head.headers, body, &front.options.scan) {
            Ok((message, Era::Legacy)) => messages.push(message),
            Ok((_, Era::Modern)) => return refuse("a message of a revision without batches"),
            Err(refusal) => return Err(Box::new(answer::refused(&refusal))),
        }
    }
    let responses = messages.iter().filter(|message| message.kind() == Kind::Response).count();
    if responses != 0 && responses != messages.len() {
        return refuse("a batch of responses holds nothing else");
    }
    if messages.iter().any(|message| message.is_method(method::INITIALIZE)) {
        return refuse("initialize stands alone"); // 2025-03-26 basic/lifecycle
    }
    Ok(messages)
}

/// The entries of an array of one to `max`.
fn split(body: &Bytes, max: usize) -> Refusing<Vec<Bytes>> {
    message::batch(body, max).map_err(|fault| {
        let (status, code) = match fault {
            NoBatch::Empty => (StatusCode::BAD_REQUEST, Code::INVALID_REQUEST),
            NoBatch::NoArray => (StatusCode::BAD_REQUEST, Code::PARSE_ERROR),
            NoBatch::TooMany => (StatusCode::PAYLOAD_TOO_LARGE, Code::INVALID_REQUEST),
        };
        Box::new(answer::refuse(status, None, code, fault.why()))
    })
}

fn refuse<T>(why: &'static str) -> Refusing<T> {
    Err(Box::new(answer::refuse(StatusCode::BAD_REQUEST, None, Code::INVALID_REQUEST, why)))
}
