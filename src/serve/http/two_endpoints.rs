//! HTTP+SSE, of 2024-11-05: GET opens a session, and POST brings what its client says.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body::Body as HttpBody;

use super::body::Body;
use super::front::{Front, Open};
use super::inbox::{Inbox, TwoEndpoints};
use super::open::Opening;
use super::post::authorize;
use super::{answer, read};
use crate::error::{BoxError, Error};
use crate::message::{Code, Responder};
use crate::wire::http::{Endpoint, error_status};

/// A request at the endpoint of HTTP+SSE.
pub(super) async fn handle<B>(front: Arc<Front>, head: Parts, body: B) -> Response<Body>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    let Some(endpoint) = &front.sse else { return answer::status(StatusCode::NOT_FOUND) };
    if let Err(refusal) = endpoint.check_head(&head) {
        answer::tell_why(&front, &head, b"", &refusal);
        return answer::refused_head(&refusal, "GET, POST");
    }
    match head.method {
        Method::GET => open(front.clone(), &head).await,
        Method::POST => post(&front, endpoint, &head, body).await,
        _ => answer::not_allowed("GET, POST"),
    }
}

/// GET opens a stream, which is a session, and says where to POST to: relative, so that it holds behind any prefix.
async fn open(front: Arc<Front>, head: &Parts) -> Response<Body> {
    let nobody = Responder::of_nobody();
    let failed = |error: BoxError| {
        let status = error.downcast_ref::<Error>().map_or(StatusCode::BAD_GATEWAY, error_status);
        answer::failed(status, &nobody, &error)
    };
    let (opening, id, session) = match Opening::begin(&front, head) {
        Ok(begun) => begun,
        Err(error) => return failed(error),
    };
    let stack = match opening.stack(&session, None, head).await {
        Ok(stack) => stack,
        Err(error) => return failed(error),
    };
    let inbox = Inbox::new(front.options.max_in_flight);
    if let Err(error) = front.add(id.key(), Open::TwoEndpoints(inbox.clone())) {
        return failed(error.into());
    }
    let endpoint = format!("?sessionId={}", id.reveal());
    let keep_alive = front.options.keep_alive;
    let stream = TwoEndpoints::new(front, session, inbox, stack, endpoint);
    opening.keep(); // the stream ends it
    answer::events(Body::events(stream, keep_alive))
}

async fn post<B>(front: &Front, endpoint: &Endpoint, head: &Parts, body: B) -> Response<Body>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    let refused = |refusal: Response<Body>| {
        answer::tell(front, head, b"", &refusal);
        refusal
    };
    let inbox = match inbox_of(front, head) {
        Ok(inbox) => inbox,
        Err(refusal) => return refused(*refusal),
    };
    let bytes = match read::body(body, &front.options).await {
        Ok(bytes) => bytes,
        Err(refusal) => return refused(*refusal),
    };
    let kept = front.options.on_refused.is_heard().then(|| bytes.clone());
    let response = put(front, endpoint, head, &inbox, bytes);
    answer::tell(front, head, &kept.unwrap_or_default(), &response);
    response
}

fn inbox_of(front: &Front, head: &Parts) -> Result<Arc<Inbox>, Box<Response<Body>>> {
    let Some(id) = session_of(head) else {
        let why = "sessionId is missing";
        return Err(Box::new(answer::refuse(StatusCode::BAD_REQUEST, None, Code::INVALID_REQUEST, why)));
    };
    match front.find(id, &head.extensions) {
        Some(Open::TwoEndpoints(inbox)) => Ok(inbox),
        _ => Err(Box::new(answer::unknown_session(None))),
    }
}

fn put(front: &Front, endpoint: &Endpoint, head: &Parts, inbox: &Inbox, bytes: Bytes) -> Response<Body> {
    let options = &front.options;
    let mut message = match endpoint.read_http_sse(&head.headers, bytes, &options.scan) {
        Ok(message) => message,
        Err(refusal) => return answer::refused(&refusal),
    };
    authorize(options.transparent, &mut message, &head.headers);
    match inbox.put(message) {
        Ok(()) => answer::status(StatusCode::ACCEPTED),
        Err(not_taken) if not_taken.closed => answer::unknown_session(None),
        Err(_) => answer::because(answer::status(StatusCode::SERVICE_UNAVAILABLE), "too much waits"),
    }
}

/// The session that the address names.
pub(super) fn session_of(head: &Parts) -> Option<&str> {
    let parameters = head.uri.query()?.split('&');
    let mut named = parameters.filter_map(|parameter| parameter.strip_prefix("sessionId="));
    named.next().filter(|_| named.next().is_none())
}
