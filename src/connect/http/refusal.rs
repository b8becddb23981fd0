//! Answers whose status is no success.

use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_ENCODING;
use http::response::Parts;

use super::body::Chunks;
use super::call::{Call, Role};
use super::events::{Content, content};
use super::state::in_time;
use crate::error::Error;
use crate::message::{Code, JsonRpcMessage};
use crate::protocol::{Era, peek};
use crate::reply::{Reply, Upstream};

/// The most of a body that is kept to be handed on.
const MOST: usize = 16 << 10;

/// A JSON-RPC error in the body is the answer, and so is a refusal for want of a right. Anything else breaks the call.
/// All of them tell by an [`Upstream`] what the server said.
pub(super) async fn read(mut call: Call, head: Parts, mut body: Chunks) -> Result<Reply, Error> {
    let shared = call.shared().clone();
    let scan = shared.options.scan;
    let failure = shared.failure(head.status, &head.headers, &call.session);
    let failure = failure.unwrap_or_else(|| Error::invalid("the server answered nothing"));
    let is_json = content(&head.headers) == Content::Json;
    let most = if is_json { scan.max_bytes } else { MOST };
    // What breaks here cannot say more than the status did.
    let body = in_time(shared.clock.before(call.deadline, body.beginning(most)).await);
    let (bytes, more) = body.unwrap_or_default();
    let message = (is_json && !more).then(|| JsonRpcMessage::parse_with(bytes.clone(), &scan).ok()).flatten();
    let answer = message.filter(|message| message.error().is_some()).and_then(|message| call.own(message));
    let is_lost = failure.is_session_lost() && !answer.as_ref().is_some_and(is_about_the_method);
    if is_lost {
        call.settle();
        shared.lose(&call.session, &failure);
        return Err(failure);
    }
    let is_forbidden = matches!(head.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    let (message, said) = match answer {
        Some(answer) => (answer, said(&call, head, None)),
        None if is_forbidden => (forbidden(&call, head.status), said(&call, head, Some((bytes, more)))),
        None => {
            call.settle();
            return Err(failure.with_extension(said(&call, head, Some((bytes, more)))));
        }
    };
    if call.era == Era::Modern && is_modern(&message) {
        shared.lock().era.get_or_insert(Era::Modern);
    }
    call.settle();
    let mut reply = Reply::one(message);
    reply.extensions_mut().insert(said);
    Ok(reply)
}

/// The refusal of what gets no answer.
pub(super) async fn of_telling(call: &Call, failure: Error, head: Parts, mut body: Chunks) -> Error {
    let body = in_time(call.shared().clock.before(call.deadline, body.beginning(MOST)).await);
    failure.with_extension(said(call, head, Some(body.unwrap_or_default())))
}

/// With the beginning of a body that is no message; that of a compressed one could not be read.
fn said(call: &Call, head: Parts, body: Option<(Bytes, bool)>) -> Upstream {
    let is_compressed = head.headers.contains_key(CONTENT_ENCODING);
    let body = body.and_then(|(body, more)| match body.len() > MOST || more {
        true => (!is_compressed).then(|| body.slice(..body.len().min(MOST))),
        false => Some(body),
    });
    let mut said = Upstream::new(status(call, head.status), head.headers, body);
    said.own_credential = call.shared().lends_own(call);
    said
}

/// What every other server says for want of a session, where this one says it otherwise.
fn status(call: &Call, status: StatusCode) -> StatusCode {
    let wants_session =
        call.session.id().is_none() && call.role != Role::Initialize && call.era == Era::Legacy;
    match status {
        StatusCode::UNPROCESSABLE_ENTITY if wants_session && call.shared().options.unauthorized_is_lost => {
            StatusCode::BAD_REQUEST
        }
        _ => status,
    }
}

/// Of an error.
pub(super) fn code(message: &JsonRpcMessage) -> Option<i64> {
    let code = peek::member(message.error()?, "code").ok()??;
    std::str::from_utf8(code).ok()?.parse().ok()
}

/// A server that says so knows the session, whatever status it chose.
fn is_about_the_method(error: &JsonRpcMessage) -> bool {
    code(error) == Some(Code::METHOD_NOT_FOUND.0)
}

/// Only servers of that era say so (2026-07-28 basic: error codes).
pub(super) fn is_modern(error: &JsonRpcMessage) -> bool {
    code(error).is_some_and(|code| (-32099..=-32020).contains(&code))
}

/// The server does not take such a request: not now or not from us would be something else.
pub(super) fn is_refused(status: StatusCode) -> bool {
    let is_other = matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
    );
    status.is_client_error() && !is_other
}

fn forbidden(call: &Call, status: StatusCode) -> JsonRpcMessage {
    let status = status.as_u16();
    let data = format!(r#"{{"shadowcat":{{"kind":"upstream_refused","status":{status}}}}}"#);
    let text = format!("The server refused the request with HTTP status {status}");
    JsonRpcMessage::refusal_with(call.id.as_ref(), Code::INTERNAL_ERROR, text, Some(&data))
}
