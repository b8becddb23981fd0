//! POST: one message of a client.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body as HttpBody;

use super::answer;
use super::body::Body;
use super::call::Call;
use super::front::{Front, Open, shutting_down};
use super::live::Live;
use super::open;
use super::respond::{respond, settle, takes_priming};
use super::{batch, read, stateless};
use crate::error::BoxError;
use crate::message::{Code, JsonRpcMessage, Kind, is_batch};
use crate::protocol::{Era, header, method};
use crate::session::ResponseStream;
use crate::wire::http::{ClientAuthorization, accepted};

/// Reads a message and gives it to whom it is for.
#[expect(
    clippy::manual_async_fn,
    reason = "it would keep the head twice, past what the allocator has at hand"
)]
pub(super) fn post<B>(front: Arc<Front>, head: Parts, body: B) -> impl Future<Output = Response<Body>>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    async move {
        let (front, head) = (&front, &head);
        let bytes = match read::body(body, &front.options).await {
            Ok(bytes) => bytes,
            Err(refusal) => return *refusal,
        };
        if front.options.max_batch > 0 && is_batch(&bytes) {
            match batch::session_of(front, head) {
                Ok(Some(live)) => return Box::pin(batch::post(front, head, live, bytes)).await,
                Ok(None) => {}
                Err(unknown) => return *unknown,
            }
        }
        match read_message(front, head, bytes) {
            Ok((message, era)) => give_to_era(front, head, message, era).await,
            Err(refusal) => *refusal,
        }
    }
}

fn read_message(
    front: &Front,
    head: &Parts,
    bytes: Bytes,
) -> Result<(JsonRpcMessage, Era), Box<Response<Body>>> {
    let options = &front.options;
    let read = front.endpoint.read(&head.headers, bytes, &options.scan);
    let (mut message, era) = read.map_err(|refusal| Box::new(answer::refused(&refusal)))?;
    authorize(options.transparent, &mut message, &head.headers);
    Ok((message, era))
}

async fn give_to_era(front: &Arc<Front>, head: &Parts, message: JsonRpcMessage, era: Era) -> Response<Body> {
    match era {
        Era::Modern => stateless::modern(front, head, message).await,
        Era::Legacy if front.maker.is_some() || head.headers.contains_key(header::SESSION_ID) => {
            in_session(front, head, message).await
        }
        Era::Legacy => stateless::legacy(front, head, message).await,
    }
}

/// The client's credential rides along where the hop is transparent.
pub(super) fn authorize(transparent: bool, message: &mut JsonRpcMessage, headers: &HeaderMap) {
    if transparent {
        message.extensions_mut().insert(ClientAuthorization::of(headers));
    }
}

async fn in_session(front: &Arc<Front>, head: &Parts, message: JsonRpcMessage) -> Response<Body> {
    let responder = message.responder(); // an answer has an id that is the server's
    let opens = message.kind() == Kind::Request && message.is_method(method::INITIALIZE);
    let Some(session) = head.headers.get(header::SESSION_ID) else {
        return match opens {
            true => Box::pin(open::open(front, head, message)).await,
            false => {
                let why = "Mcp-Session-Id is missing";
                answer::refuse(StatusCode::BAD_REQUEST, responder.id(), Code::INVALID_REQUEST, why)
            }
        };
    };
    let Some(Open::Streamable(live)) =
        session.to_str().ok().and_then(|session| front.find(session, &head.extensions))
    else {
        return answer::unknown_session(responder.id());
    };
    if opens {
        let why = "the session is open already";
        return answer::refuse(StatusCode::BAD_REQUEST, responder.id(), Code::INVALID_REQUEST, why);
    }
    give(front, head, &live, message).await
}

/// A message of a session that is open.
async fn give(front: &Front, head: &Parts, live: &Arc<Live>, mut message: JsonRpcMessage) -> Response<Body> {
    match message.kind() {
        Kind::Notification if live.cancel(&message) => return answer::status(StatusCode::ACCEPTED),
        Kind::Response if !is_asked(live, &message) => return answer::unasked(),
        Kind::Request if takes_priming(live) && accepted(&head.headers).events => {
            message.extensions_mut().insert(ResponseStream::new());
        }
        _ => {}
    }
    let message = live.within(message);
    match live.call(message.clone()) {
        Ok(call) => answer_to(front, head, &message, call).await,
        Err(refused) => {
            live.ask_again(&message);
            answer::not_taken(refused, &message.responder())
        }
    }
}

/// An answer must be to a question that is open, or an error that answers nobody.
pub(super) fn is_asked(live: &Live, answer: &JsonRpcMessage) -> bool {
    match answer.owned_id() {
        Some(id) => live.answers(&id),
        None => answer.error().is_some(),
    }
}

/// Waits for what comes of a call, as far as it decides the response.
pub(super) async fn answer_to(
    front: &Front,
    head: &Parts,
    message: &JsonRpcMessage,
    call: Arc<Call>,
) -> Response<Body> {
    if call.is_listen && front.is_closing() {
        call.fail(&shutting_down()); // those that were there have been ended
    }
    match message.kind() {
        Kind::Request => {
            let wanted = message.extensions().get().cloned();
            respond(call, accepted(&head.headers), wanted, front).await
        }
        Kind::Notification | Kind::Response => settle(call, front).await,
    }
}

/// The header that tells a client its session.
pub(super) fn session_header(id: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(id).ok()?;
    value.set_sensitive(true);
    Some(value)
}
