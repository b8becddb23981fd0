//! Responses, and what they say where no reply does.

use std::borrow::Cow;
use std::fmt;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::body::Body;
use super::calls::Refused;
use super::front::Front;
use super::two_endpoints;
use crate::error::{BoxError, Error};
use crate::message::{Code, JsonRpcMessage, OwnedId, Responder};
use crate::protocol::header;
use crate::reply::{Upstream, failure};
use crate::session::SessionId;
use crate::wire::http::{self as wire, Refusal, Relocation};

/// Tells nginx and its like not to collect the response first.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What a response says of a message that was refused: it rides along, for whoever records it.
#[derive(Clone)]
struct Why(Cow<'static, str>);

/// Tells of what was refused, if this is the answer to it.
pub(super) fn tell(front: &Front, head: &Parts, bytes: &[u8], response: &Response<Body>) {
    if let Some(Why(why)) = response.extensions().get() {
        tell_why(front, head, bytes, format_args!("{}: {why}", response.status().as_u16()));
    }
}

/// The same, for that reason.
pub(super) fn tell_why(front: &Front, head: &Parts, bytes: &[u8], why: impl fmt::Display) {
    let on_refused = &front.options.on_refused;
    if on_refused.is_heard() {
        on_refused.tell(session_of(front, head).as_deref(), bytes, why);
    }
}

/// The name of the open session that a request is of, or was to be of.
fn session_of(front: &Front, head: &Parts) -> Option<String> {
    let named = match head.headers.get(header::SESSION_ID) {
        Some(id) => id.to_str().ok()?,
        None => two_endpoints::session_of(head)?,
    };
    front.find(named, &head.extensions)?;
    Some(SessionId::from_text(named).key().to_string())
}

/// The answer to what was refused, and why it was.
pub(super) fn because(mut response: Response<Body>, why: impl Into<Cow<'static, str>>) -> Response<Body> {
    response.extensions_mut().insert(Why(why.into()));
    response
}

/// A status and nothing else.
pub(super) fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// One message as a JSON document.
pub(super) fn json(status: StatusCode, message: &JsonRpcMessage) -> Response<Body> {
    json_in(HeaderMap::new(), status, message)
}

/// The same with its head in a map that is there and empty.
pub(super) fn json_in(head: HeaderMap, status: StatusCode, message: &JsonRpcMessage) -> Response<Body> {
    let mut response = Response::new(Body::document(message));
    *response.headers_mut() = head;
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// What the upstream said: its message, or a body that is none, as it was.
pub(super) fn returned(
    status: StatusCode,
    said: &Upstream,
    message: Option<&JsonRpcMessage>,
    relocation: Option<&Relocation>,
) -> Response<Body> {
    let mut response = match (&said.body, message) {
        (None, Some(message)) => json(status, message),
        (body, _) => {
            let mut response = self::status(status);
            *response.body_mut() = Body::whole(body.clone().unwrap_or_default());
            response
        }
    };
    let mut headers = wire::returned(&said.headers, said.body.as_ref().is_some_and(|body| !body.is_empty()));
    if let Some(relocation) = relocation {
        headers
            .iter_mut()
            .filter(|(name, _)| *name == WWW_AUTHENTICATE)
            .for_each(|(_, value)| *value = relocation.challenge(value));
    }
    response.headers_mut().extend(headers);
    response
}

/// An event stream.
pub(super) fn events(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    response
}

/// A request that goes no further.
pub(super) fn refused(refusal: &Refusal) -> Response<Body> {
    tracing::debug!(%refusal, "a request was refused");
    because(json(refusal.status, &refusal.to_message()), refusal.text.clone())
}

/// The same where it may be the method that is not served: `allowed` are.
pub(super) fn refused_head(refusal: &Refusal, allowed: &'static str) -> Response<Body> {
    let response = refused(refusal);
    if refusal.status == StatusCode::METHOD_NOT_ALLOWED { allow(response, allowed) } else { response }
}

/// The same, for a reason of the front end's own.
pub(super) fn refuse(
    status: StatusCode,
    id: Option<&OwnedId>,
    code: Code,
    why: &'static str,
) -> Response<Body> {
    tracing::debug!(status = status.as_u16(), why, "a request was refused");
    because(json(status, &JsonRpcMessage::refusal(id, code, why)), why)
}

/// A method that is not served here.
pub(super) fn not_allowed(allowed: &'static str) -> Response<Body> {
    allow(status(StatusCode::METHOD_NOT_ALLOWED), allowed)
}

fn allow(mut response: Response<Body>, allowed: &'static str) -> Response<Body> {
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// The session of a request is not known, or not any more, or not this principal's.
pub(super) fn unknown_session(id: Option<&OwnedId>) -> Response<Body> {
    refuse(StatusCode::NOT_FOUND, id, Code::INVALID_REQUEST, "the session is not known here")
}

/// What broke below, or has no room.
pub(super) fn failed(status: StatusCode, responder: &Responder, error: &BoxError) -> Response<Body> {
    match failure(responder, error) {
        Some(answer) => json(status, &answer),
        None => self::status(status),
    }
}

/// An answer to no question that is open.
pub(super) fn unasked() -> Response<Body> {
    let why = "a response to a request that was not made";
    refuse(StatusCode::BAD_REQUEST, None, Code::INVALID_REQUEST, why)
}

/// A message that the session does not take.
pub(super) fn not_taken(refused: Refused, responder: &Responder) -> Response<Body> {
    let status = match refused {
        Refused::Closed => return unknown_session(responder.id()),
        Refused::IdInUse => StatusCode::BAD_REQUEST,
        Refused::Busy => StatusCode::SERVICE_UNAVAILABLE,
    };
    let answer = match of_not_taken(refused, responder) {
        Some(answer) => json(status, &answer),
        None => self::status(status),
    };
    because(answer, refused.why())
}

/// What such a message is answered with, if it is a request.
pub(super) fn of_not_taken(refused: Refused, responder: &Responder) -> Option<JsonRpcMessage> {
    let why = refused.why();
    match refused {
        Refused::Closed => failure(responder, &Error::closed(why).into()),
        // Without the id: another request waits for the answer to it.
        Refused::IdInUse => Some(JsonRpcMessage::refusal(None, Code::INVALID_REQUEST, why)),
        Refused::Busy => failure(responder, &Error::busy(why).into()),
    }
}
