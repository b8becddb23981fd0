//! Answers whose status is no success.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::response::Parts;
use tokio::time::{Instant, timeout_at};

use super::body::Chunks;
use super::call::{Call, Role};
use super::events::{Content, content};
use super::state::in_time;
use crate::error::Error;
use crate::message::{Code, JsonRpcMessage};
use crate::protocol::{Era, peek};
use crate::reply::{Reply, Upstream};

/// How long the body of what is no answer at all may take.
const PAGE_TIMEOUT: Duration = Duration::from_secs(1);

/// A JSON-RPC error in the body is the answer, and so is a refusal for want of a right. Anything else breaks the call.
/// All of them tell by an [`Upstream`] what the server said.
pub(super) async fn read(mut call: Call, head: Parts, mut body: Chunks) -> Result<Reply, Error> {
    let shared = call.shared().clone();
    let scan = shared.options.scan;
    let failure = shared.failure(head.status, &head.headers, &call.session);
    let failure = failure.unwrap_or_else(|| Error::invalid("the server answered nothing"));
    let is_json = content(&head.headers) == Content::Json;
    // What breaks here cannot say more than the status did.
    let until = if is_json { call.deadline } else { page_deadline(&call) };
    let body = in_time(shared.clock.before(until, body.beginning(scan.max_bytes)).await).ok();
    let whole = body.as_ref().filter(|(_, more)| is_json && !more);
    let message = whole.and_then(|(bytes, _)| JsonRpcMessage::parse_with(bytes.clone(), &scan).ok());
    let answer = message.filter(|message| message.error().is_some()).and_then(|message| call.own(message));
    let is_lost = failure.is_session_lost() && !answer.as_ref().is_some_and(is_about_the_method);
    if is_lost {
        call.settle();
        shared.lose(&call.session, &failure);
        return Err(failure.with_extension(said(&call, head, body)));
    }
    let is_forbidden = matches!(head.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    let (message, said) = match answer {
        Some(answer) => (answer, said(&call, head, None)),
        None if is_forbidden => (forbidden(&call, head.status), said(&call, head, body)),
        None => {
            call.settle();
            return Err(failure.with_extension(said(&call, head, body)));
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
    let most = call.shared().options.scan.max_bytes;
    let body = in_time(call.shared().clock.before(page_deadline(call), body.beginning(most)).await);
    failure.with_extension(said(call, head, body.ok()))
}

/// For what may be a stream without end, while the call waits.
fn page_deadline(call: &Call) -> Instant {
    call.deadline.min(Instant::now() + PAGE_TIMEOUT)
}

/// A success that answers nothing: neither JSON nor events.
pub(super) async fn of_other(call: &Call, head: Parts, mut body: Chunks) -> Error {
    let code = head.status.as_u16();
    let failure =
        Error::invalid(format_args!("the server answered HTTP {code} with neither JSON nor events"));
    let most = call.shared().options.scan.max_bytes;
    let body = timeout_at(page_deadline(call), body.beginning(most)).await.ok().and_then(Result::ok);
    failure.with_extension(said(call, head, body))
}

/// With a body that is no message. The part of one that is too long would go for the whole.
pub(super) fn said(call: &Call, head: Parts, body: Option<(Bytes, bool)>) -> Upstream {
    let body = body.map(|(body, more)| if more { Bytes::new() } else { body });
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
