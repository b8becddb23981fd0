//! What is sent: requests with their headers, and what the statuses of the answers mean.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};

use tokio::time::timeout;

use super::authorize::authorize_as;
use super::body::{Body, Chunks};
use super::call::Call;
use super::exchange::Sending;
use super::session::Session;
use super::state::{ASIDE_TIMEOUT, Shared, within};
use super::tools::sent_with;
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::{Era, ProtocolVersion, header, method, peek};
use crate::wire::fault::{self, Mark};
use crate::wire::http::{Mirrored, request_headers, upstream_failure};

/// Of what is read only so that the connection can be used again.
const LEFTOVER: usize = 16 << 10;
const LEFTOVER_TIMEOUT: Duration = Duration::from_secs(1);
/// For all copies of a request that is repeated on purpose.
const COPIES_TIMEOUT: Duration = Duration::from_secs(60);

impl Shared {
    /// A message on its way, and the session that it names.
    pub(super) fn post(&self, message: &JsonRpcMessage, era: Era) -> (Session, Sending) {
        let named = era == Era::Legacy && !message.is_method(method::INITIALIZE);
        let session = if named { self.lock().session_of(message, &self.head) } else { Session::default() };
        let sent = match self.head(message, era, &session) {
            Ok(headers) => match fault::of(message) {
                None => self.send(headers, message.bytes().clone()),
                Some(mark) => self.send_damaged(headers, mark, message),
            },
            Err(error) => Box::pin(std::future::ready(Err(error))),
        };
        (session, sent)
    }

    fn send(&self, headers: HeaderMap, body: Bytes) -> Sending {
        self.exchange.send(request(Method::POST, self.uri.clone(), headers, Body::from(body)))
    }

    /// The first is the caller's; the others follow one by one, and what is answered to them concerns nobody.
    #[cold]
    fn send_damaged(&self, headers: HeaderMap, mark: &Mark, message: &JsonRpcMessage) -> Sending {
        let Some(mut frames) = mark.frames(message.bytes()) else {
            return Box::pin(std::future::ready(Err(fault::broken())));
        };
        let first = self.send(headers.clone(), frames.next().unwrap_or_default());
        let (exchange, uri) = (self.exchange.clone(), self.uri.clone());
        self.runtime.spawn(timeout(COPIES_TIMEOUT, async move {
            for frame in frames {
                let other = request(Method::POST, uri.clone(), headers.clone(), Body::from(frame));
                let _ = within(ASIDE_TIMEOUT, exchange.send(other)).await;
            }
        }));
        first
    }

    /// The era that a message is sent in: a modern request says it, others go by what the server is.
    pub(super) fn era_of(&self, message: &JsonRpcMessage) -> Era {
        if message.is_method(method::INITIALIZE) {
            return Era::Legacy;
        }
        let named =
            message.kind() != Kind::Response && peek::meta(message, peek::PROTOCOL_VERSION) != Ok(None);
        if named { Era::Modern } else { self.lock().era.unwrap_or(Era::Legacy) }
    }

    fn head(&self, message: &JsonRpcMessage, era: Era, session: &Session) -> Result<HeaderMap, Error> {
        if era == Era::Legacy && !message.is_method(method::INITIALIZE) {
            let mut headers = session.head(&self.head).clone();
            self.authorize(&mut headers, message, era);
            return Ok(headers);
        }
        let version = (era == Era::Modern).then_some(ProtocolVersion::V2026_07_28);
        let sent = if era == Era::Modern { sent_with(message) } else { None };
        let mirrored = if sent.is_none() { self.lock().tools.mirrored(message) } else { None };
        let own = request_headers(message, version, mirrored.as_deref());
        let own = own.map_err(|error| Error::invalid(error).unsent())?;
        let mut headers = self.options.headers.clone();
        headers.extend(sent.map(Mirrored::forwarded).unwrap_or_default());
        self.authorize(&mut headers, message, era);
        headers.extend(own);
        session.name(&mut headers);
        Ok(headers)
    }

    /// The session's own stream, from after the event `last` on.
    pub(super) fn get(&self, uri: Uri, session: &Session, last: Option<HeaderValue>) -> Sending {
        let mut headers = self.options.headers.clone();
        self.authorize_own(&mut headers);
        self.stream(uri, headers, session, last)
    }

    /// The rest of the answer to a call, after the event `last`.
    pub(super) fn get_rest(&self, call: &Call, last: HeaderValue) -> Sending {
        let mut headers = self.options.headers.clone();
        match &call.credential {
            Some(sent) => authorize_as(&mut headers, sent),
            None => self.authorize_own(&mut headers),
        }
        self.stream(self.uri.clone(), headers, &call.session, Some(last))
    }

    fn stream(
        &self,
        uri: Uri,
        mut headers: HeaderMap,
        session: &Session,
        last: Option<HeaderValue>,
    ) -> Sending {
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        session.name(&mut headers);
        if let Some(last) = last {
            headers.insert(header::LAST_EVENT_ID, last);
        }
        self.exchange.send(request(Method::GET, uri, headers, Body::default()))
    }

    /// Sends the body to another address than the session's own, as the older transport does.
    pub(super) fn post_to(&self, uri: Uri, message: &JsonRpcMessage) -> Sending {
        match self.head(message, Era::Legacy, &Session::default()) {
            Ok(headers) => {
                let body = Body::from(message.bytes().clone());
                self.exchange.send(request(Method::POST, uri, headers, body))
            }
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    /// Ends the session at the server; one that does not let clients do that says so.
    pub(super) async fn delete(&self, session: Session) -> Result<(), Error> {
        let mut headers = self.options.headers.clone();
        self.authorize_own(&mut headers);
        session.name(&mut headers);
        let sent = self.exchange.send(request(Method::DELETE, self.uri.clone(), headers, Body::default()));
        let response = within(ASIDE_TIMEOUT, sent).await?;
        match response.status() {
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_FOUND => Ok(()),
            status => upstream_failure(status, false).map_or(Ok(()), Err),
        }
    }

    /// Ends everything, the session at the server included.
    pub(super) fn stop(self: &Arc<Self>, why: &Error) {
        let goodbye = self.goodbyes.subscribe(); // first: who sees the end waits for it
        let Some(session) = self.finish(why) else { return };
        let shared = self.clone();
        self.runtime.spawn(async move {
            if let Err(error) = shared.delete(session).await {
                tracing::debug!(%error, "the server was not told that the session is over");
            }
            drop(goodbye);
        });
    }

    /// What a status that is no success means for a request in `session`.
    pub(super) fn failure(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        session: &Session,
    ) -> Option<Error> {
        let in_session = session.id().is_some();
        let is_mute = status == StatusCode::UNAUTHORIZED && !headers.contains_key(WWW_AUTHENTICATE);
        if is_mute && in_session && self.options.unauthorized_is_lost {
            return Some(Error::session_lost("the server answered HTTP 401 to a session of its own"));
        }
        upstream_failure(status, in_session)
    }

    /// The answer to what is no request.
    pub(super) fn accepted(&self, response: Response<Chunks>, session: &Session) -> Result<(), Error> {
        let (head, body) = response.into_parts();
        match self.failure(head.status, &head.headers, session) {
            None => {
                self.drain(body);
                Ok(())
            }
            Some(error) => {
                if error.is_session_lost() {
                    self.lose(session, &error);
                }
                Err(error)
            }
        }
    }

    /// Lets the connection be used again, if little is left to read and comes soon; else it is closed.
    pub(super) fn drain(&self, body: Chunks) {
        if body.is_over() {
            return;
        }
        if let Ok(permit) = self.draining.clone().try_acquire_owned() {
            self.runtime.spawn(async move {
                let _ = timeout(LEFTOVER_TIMEOUT, body.drain(LEFTOVER)).await;
                drop(permit);
            });
        }
    }
}

impl Session {
    /// Names it in a head.
    fn name(&self, headers: &mut HeaderMap) {
        for (name, value) in [(header::SESSION_ID, self.id()), (header::PROTOCOL_VERSION, self.version())] {
            if let Some(value) = value {
                headers.insert(name, value.clone());
            }
        }
    }
}

fn request(method: Method, uri: Uri, headers: HeaderMap, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    request
}
