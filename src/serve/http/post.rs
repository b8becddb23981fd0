//! POST: one message of a client.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
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
use crate::wire::http::{Accepted, Claims, ClientAuthorization};

/// Reads a message and gives it to whom it is for.
#[expect(
    clippy::manual_async_fn,
    reason = "it would keep the head twice, past what the allocator has at hand"
)]
pub(super) fn post<B>(
    front: Arc<Front>,
    mut head: Parts,
    claims: Claims,
    body: B,
) -> impl Future<Output = Response<Body>>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    async move {
        let bytes = match read::body(body, &front.options).await {
            Ok(bytes) => bytes,
            Err(refusal) => {
                answer::tell(&front, &head, b"", &refusal);
                return *refusal;
            }
        };
        if front.options.max_batch > 0 && is_batch(&bytes) {
            match batch::session_of(&front, &head) {
                Ok(Some(live)) => return Box::pin(batch::post(&front, &head, live, bytes)).await,
                Ok(None) => {}
                Err(unknown) => {
                    answer::tell(&front, &head, &bytes, &unknown);
                    return *unknown;
                }
            }
        }
        match take(&front, &head, claims, bytes) {
            Ok(Given::Opens(message)) => Box::pin(open::open(&front, &head, message)).await,
            Ok(Given::Called(called)) => {
                // They keep the buffer that they were read into, and the answer may be long in coming.
                head.uri = Uri::default();
                head.headers.clear();
                called.answered(&front, &mut head.headers).await
            }
            Err(answer) => *answer,
        }
    }
}

/// What is refused is told.
fn take(front: &Arc<Front>, head: &Parts, claims: Claims, bytes: Bytes) -> Giving {
    let kept = front.options.on_refused.is_heard().then(|| bytes.clone());
    let read = read_message(front, head, claims, bytes);
    let given = read.and_then(|(message, era)| give_to_era(front, head, claims.accepted, message, era));
    if let (Err(answer), Some(kept)) = (&given, kept) {
        answer::tell(front, head, &kept, answer);
    }
    given
}

fn read_message(
    front: &Front,
    head: &Parts,
    claims: Claims,
    bytes: Bytes,
) -> Result<(JsonRpcMessage, Era), Box<Response<Body>>> {
    let options = &front.options;
    let read = front.endpoint.read_claimed(claims, &head.headers, bytes, &options.scan);
    let (mut message, era) = read.map_err(|refusal| Box::new(answer::refused(&refusal)))?;
    authorize(options.transparent, &mut message, &head.headers);
    Ok((message, era))
}

/// What has become of a message.
pub(super) enum Given {
    /// It opens a session.
    Opens(JsonRpcMessage),
    Called(Called),
}

/// A call, and what else its response depends on.
pub(super) struct Called {
    call: Arc<Call>,
    kind: Kind,
    accepted: Accepted,
    wanted: Option<ResponseStream>,
}

/// Or the response to a message that nobody is given.
pub(super) type Giving = Result<Given, Box<Response<Body>>>;

fn give_to_era(
    front: &Arc<Front>,
    head: &Parts,
    accepted: Accepted,
    message: JsonRpcMessage,
    era: Era,
) -> Giving {
    match era {
        Era::Modern => stateless::modern(front, head, accepted, message),
        Era::Legacy if front.maker.is_some() || head.headers.contains_key(header::SESSION_ID) => {
            in_session(front, head, accepted, message)
        }
        Era::Legacy => stateless::legacy(front, head, accepted, message),
    }
}

/// The client's credential rides along where the hop is transparent.
pub(super) fn authorize(transparent: bool, message: &mut JsonRpcMessage, headers: &HeaderMap) {
    if transparent {
        message.extensions_mut().insert(ClientAuthorization::of(headers));
    }
}

fn in_session(front: &Front, head: &Parts, accepted: Accepted, message: JsonRpcMessage) -> Giving {
    let responder = message.responder(); // an answer has an id that is the server's
    let opens = message.kind() == Kind::Request && message.is_method(method::INITIALIZE);
    let Some(session) = head.headers.get(header::SESSION_ID) else {
        return match opens {
            true => Ok(Given::Opens(message)),
            false => {
                let why = "Mcp-Session-Id is missing";
                Err(answer::refuse(StatusCode::BAD_REQUEST, responder.id(), Code::INVALID_REQUEST, why)
                    .into())
            }
        };
    };
    let Some(Open::Streamable(live)) =
        session.to_str().ok().and_then(|session| front.find(session, &head.extensions))
    else {
        return Err(answer::unknown_session(responder.id()).into());
    };
    if opens {
        let why = "the session is open already";
        return Err(
            answer::refuse(StatusCode::BAD_REQUEST, responder.id(), Code::INVALID_REQUEST, why).into()
        );
    }
    give(front, accepted, &live, message)
}

/// A message of a session that is open.
fn give(front: &Front, accepted: Accepted, live: &Arc<Live>, mut message: JsonRpcMessage) -> Giving {
    match message.kind() {
        Kind::Notification if live.cancel(&message) => {
            return Err(answer::status(StatusCode::ACCEPTED).into());
        }
        Kind::Response if !is_asked(live, &message) => return Err(answer::unasked().into()),
        Kind::Request if takes_priming(live) && accepted.events => {
            message.extensions_mut().insert(ResponseStream::new());
        }
        _ => {}
    }
    let message = live.within(message);
    match live.call(message.clone()) {
        Ok(call) => Ok(Given::called(front, accepted, &message, call)),
        Err(refused) => {
            live.ask_again(&message);
            Err(answer::not_taken(refused, &message.responder()).into())
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

impl Given {
    pub(super) fn called(
        front: &Front,
        accepted: Accepted,
        message: &JsonRpcMessage,
        call: Arc<Call>,
    ) -> Self {
        if call.is_listen && front.is_closing() {
            call.fail(&shutting_down()); // those that were there have been ended
        }
        let wanted = message.extensions().get().cloned();
        Self::Called(Called { call, kind: message.kind(), accepted, wanted })
    }
}

impl Called {
    /// Waits for what comes of it, as far as that decides the response.
    async fn answered(self, front: &Front, spare: &mut HeaderMap) -> Response<Body> {
        match self.kind {
            Kind::Request => respond(self.call, self.accepted, self.wanted, front, spare).await,
            Kind::Notification | Kind::Response => settle(self.call, front).await,
        }
    }
}

/// The header that tells a client its session.
pub(super) fn session_header(id: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(id).ok()?;
    value.set_sensitive(true);
    Some(value)
}
