//! GET and DELETE: the streams of a session, and its end.

use std::collections::VecDeque;
use std::sync::Arc;

use http::request::Parts;
use http::{Response, StatusCode};

use super::answer;
use super::body::Body;
use super::events::{Listening, Missed, Reading, Said, event};
use super::front::{Front, Open};
use super::live::Live;
use super::replay::{EventId, Stream};
use super::respond;
use super::trail::Trail;
use crate::error::Error;
use crate::message::Code;
use crate::protocol::header;
use crate::wire::http::last_event_id;

/// A stream of what the server says unasked, or the rest of one that broke off.
pub(super) fn get(front: &Arc<Front>, head: &Parts) -> Response<Body> {
    let live = match find(front, head) {
        Ok(live) => live,
        Err(response) => return *response,
    };
    match last_event_id(&head.headers) {
        Ok(None) => listen(front, live, None),
        Ok(Some(id)) => match EventId::parse(id).filter(|_| live.replay.is_on()) {
            Some(after) => resume(front, live, after),
            None => {
                let why = "Last-Event-ID is not of this session";
                answer::refuse(StatusCode::BAD_REQUEST, None, Code::INVALID_REQUEST, why)
            }
        },
        Err(refusal) => answer::refused(&refusal),
    }
}

/// Ends a session.
pub(super) fn delete(front: &Arc<Front>, head: &Parts) -> Response<Body> {
    match find(front, head) {
        Ok(live) => {
            live.end(&Error::closed("the client ended the session"));
            answer::status(StatusCode::NO_CONTENT)
        }
        Err(response) => *response,
    }
}

fn find(front: &Arc<Front>, head: &Parts) -> Result<Arc<Live>, Box<Response<Body>>> {
    if front.maker.is_none() {
        return Err(Box::new(answer::not_allowed("POST")));
    }
    let Some(id) = head.headers.get(header::SESSION_ID) else {
        let why = "Mcp-Session-Id is missing";
        let response = answer::refuse(StatusCode::BAD_REQUEST, None, Code::INVALID_REQUEST, why);
        return Err(Box::new(response));
    };
    match id.to_str().ok().and_then(|id| front.find(id, &head.extensions)) {
        Some(Open::Streamable(live)) => Ok(live),
        _ => Err(Box::new(answer::unknown_session(None))),
    }
}

fn listen(front: &Front, live: Arc<Live>, after: Option<EventId>) -> Response<Body> {
    if front.is_closing() {
        return answer::status(StatusCode::SERVICE_UNAVAILABLE);
    }
    let stream = match after {
        Some(after) => after.stream,
        None => Stream::Get(live.replay.next_stream()),
    };
    let trail = live.replay.is_on().then(|| Trail::new(live.clone(), stream));
    let is_primed = respond::takes_priming(&live);
    let replay = live.clone();
    let missed = |trail: Option<&Trail>| match after {
        Some(after) => missed(&replay, after),
        None => trail.filter(|_| is_primed).map(|trail| trail.priming().into()).into_iter().collect(),
    };
    match Listening::new(live.clone(), trail, missed) {
        Some(listening) => answer::events(Body::events(listening, front.options.keep_alive)),
        None if !live.is_open() => answer::unknown_session(None),
        None => {
            let why = "the session has too many streams";
            answer::refuse(StatusCode::CONFLICT, None, Code::INVALID_REQUEST, why)
        }
    }
}

/// What is kept of a stream behind `after`.
fn missed(live: &Live, after: EventId) -> VecDeque<Said> {
    live.replay.since(after).iter().map(|(id, message)| event(Some(*id), message)).collect()
}

fn resume(front: &Front, live: Arc<Live>, after: EventId) -> Response<Body> {
    if let Stream::Get(_) = after.stream {
        return listen(front, live, Some(after));
    }
    if !live.replay.knows(after.stream) {
        let why = "nothing is kept of the stream that Last-Event-ID names";
        return answer::refuse(StatusCode::BAD_REQUEST, None, Code::INVALID_REQUEST, why);
    }
    let keep_alive = front.options.keep_alive;
    let Some(call) = live.replay.call_of(after.stream) else {
        return answer::events(Body::events(Missed(missed(&live, after)), keep_alive));
    };
    // First, so that the reader before, who may wait for a client that has long gone, takes nothing more.
    let owner = call.take_over();
    let missed = missed(&live, after);
    answer::events(Body::events(Reading::resumed(call, owner, missed), keep_alive))
}
