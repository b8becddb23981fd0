//! How a reply becomes a response: JSON or events, by what comes first.

use std::future::poll_fn;
use std::mem;
use std::sync::Arc;
use std::task::Poll;

use http::{HeaderMap, Response, StatusCode};

use super::answer;
use super::body::Body;
use super::call::Call;
use super::events::Reading;
use super::front::{Front, Options};
use super::live::Live;
use super::outcome::{Failed, Next};
use super::replay::Stream;
use super::trail::Trail;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::{Era, ProtocolVersion};
use crate::reply::Upstream;
use crate::session::{ResponseMode, ResponseStream};
use crate::wire::http::{Accepted, response_status, returned_status};

/// The response to a request.
///
/// It is an event stream as soon as something comes before the response, and also when nothing comes for so long
/// that the client should be able to take it up again, or the connection must be kept alive.
///
/// `spare` is an empty map for the head: hyper reads the next request into the map of the last response, and that of
/// a request is large enough.
pub(super) async fn respond(
    call: Arc<Call>,
    accepted: Accepted,
    wanted: Option<ResponseStream>,
    front: &Front,
    spare: &mut HeaderMap,
) -> Response<Body> {
    let mut reading = Reading::new(call, wanted.clone());
    let first = match accepted.events {
        true => first(&mut reading, wanted.as_ref(), &front.options).await,
        false => Some(next(&mut reading).await),
    };
    let mode = match reading.call().mode() {
        _ if !accepted.events => ResponseMode::Json,
        _ if !accepted.json || wanted.is_some_and(|wanted| wanted.is_opened()) => ResponseMode::Events,
        mode => mode,
    };
    match first {
        Some(Next::Failed(failed)) => self::failed(&reading, failed, front),
        Some(first) if mode == ResponseMode::Json => Box::pin(document(reading, first, front, spare)).await,
        // One that has a status of its own cannot say so in an event.
        Some(Next::Last(last, _)) if mode == ResponseMode::Auto || reading.call().upstream().is_some() => {
            self::last(&reading, &last, front, spare)
        }
        Some(first) => {
            reading.unread(first);
            stream(reading, &front.options)
        }
        None => stream(reading, &front.options),
    }
}

/// The response to a message that is not answered.
pub(super) async fn settle(call: Arc<Call>, front: &Front) -> Response<Body> {
    let mut reading = Reading::new(call, None);
    match next(&mut reading).await {
        Next::Failed(failed) => self::failed(&reading, failed, front),
        _ => answer::status(StatusCode::ACCEPTED),
    }
}

/// What comes first; `None` where the response is to be a stream before anything has come.
async fn first(reading: &mut Reading, wanted: Option<&ResponseStream>, options: &Options) -> Option<Next> {
    let patience = match wanted {
        Some(_) => options.prime_after.min(options.keep_alive),
        None => options.keep_alive,
    };
    let mut first = poll_fn(|cx| match (reading.poll_next(cx), wanted) {
        (Poll::Ready(next), _) => Poll::Ready(Some(next)),
        (Poll::Pending, Some(wanted)) => wanted.poll_opened(cx).map(|()| None),
        (Poll::Pending, None) => Poll::Pending,
    });
    match options.clock.within(patience, &mut first).await {
        None if wanted.is_some_and(ResponseStream::waits) => {
            options.clock.within(options.keep_alive.saturating_sub(patience), first).await.flatten()
        }
        first => first.flatten(),
    }
}

/// The server's own status, where it has said one.
fn last(reading: &Reading, last: &JsonRpcMessage, front: &Front, spare: &mut HeaderMap) -> Response<Body> {
    match reading.call().upstream() {
        Some(said) if said.is_about_us() => answer::json(StatusCode::BAD_GATEWAY, last),
        said => said.and_then(|said| returned(reading, &said, Some(last), front)).unwrap_or_else(|| {
            let status = response_status(last, reading.era());
            answer::json_in(mem::take(spare), status, last)
        }),
    }
}

fn failed(reading: &Reading, failed: Failed, front: &Front) -> Response<Body> {
    let said = failed.upstream().filter(|said| said.body.is_some() && !said.is_about_us());
    said.and_then(|said| returned(reading, said, None, front)).unwrap_or_else(|| match failed.answer {
        Some(answer) => answer::json(failed.status, &answer),
        None => answer::status(failed.status),
    })
}

/// What the server said over HTTP, if it may go back to the client.
fn returned(
    reading: &Reading,
    said: &Upstream,
    message: Option<&JsonRpcMessage>,
    front: &Front,
) -> Option<Response<Body>> {
    let status = returned_status(said.status, reading.call().is_in_session())?;
    Some(answer::returned(status, said, message, front.relocation.as_ref()))
}

async fn next(reading: &mut Reading) -> Next {
    poll_fn(|cx| reading.poll_next(cx)).await
}

/// The response alone, for whoever takes no events.
async fn document(
    mut reading: Reading,
    mut first: Next,
    front: &Front,
    spare: &mut HeaderMap,
) -> Response<Body> {
    loop {
        match first {
            // Only in a stream it says what it means.
            Next::Last(last, _) if last.kind() == Kind::Notification => {
                return answer::status(StatusCode::ACCEPTED);
            }
            Next::Last(last, _) => return self::last(&reading, &last, front, spare),
            Next::Failed(failed) => return self::failed(&reading, failed, front),
            Next::End => return answer::status(StatusCode::ACCEPTED),
            Next::Message(message, _) if message.kind() == Kind::Request => {
                if let Some(live) = &reading.call().live {
                    live.refuse(&message, "this client takes no questions with its answers");
                }
            }
            Next::Message(..) | Next::Open => {}
        }
        first = next(&mut reading).await;
    }
}

fn stream(mut reading: Reading, options: &Options) -> Response<Body> {
    if let Some(live) = reading.call().live.clone().filter(|live| live.replay.is_on()) {
        let trail = Trail::new(live.clone(), Stream::Post(live.replay.next_stream()));
        let prime = takes_priming(&live);
        reading.leave(trail, prime);
    }
    answer::events(Body::events(reading, options.keep_alive))
}

/// Clients of earlier revisions take an event without data for a message.
pub(super) fn takes_priming(live: &Live) -> bool {
    let is_known = |version| version >= ProtocolVersion::V2025_11_25;
    live.replay.is_on() && live.session.version().is_some_and(is_known)
}

impl Reading {
    /// What decides on the status: a modern request says it there.
    fn era(&self) -> Era {
        self.call().era
    }
}
