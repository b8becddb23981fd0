//! The `initialize` that opens a session.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};

use super::answer;
use super::body::Body;
use super::front::{Front, Open, shutting_down};
use super::live::Live;
use super::post::session_header;
use super::respond::respond;
use super::{SessionInfo, stack::BoxStack};
use crate::error::{BoxError, Error};
use crate::message::JsonRpcMessage;
use crate::protocol::header;
use crate::session::{InUse, Principal, Session, SessionId, SessionKey};
use crate::wire::http::accepted;

/// A session that its client does not know of yet: it ends if the client never learns of it.
pub(super) struct Opening {
    front: Arc<Front>,
    key: SessionKey,
    is_known: bool,
    /// It is not idle while its stack is made.
    _in_use: InUse,
}

impl Opening {
    /// A new session in the store.
    pub(super) fn begin(
        front: &Arc<Front>,
        head: &Parts,
    ) -> Result<(Self, SessionId, Arc<Session>), BoxError> {
        if front.is_closing() {
            return Err(shutting_down().into());
        }
        let id = SessionId::random()?;
        let session = Arc::new(Session::new(id.key(), head.extensions.get::<Principal>().cloned()));
        front.store.insert(session.clone()).map_err(Error::busy)?;
        let _in_use = session.enter();
        let opening = Self { front: front.clone(), key: id.key(), is_known: false, _in_use };
        Ok((opening, id, session))
    }

    /// Has its stack made.
    pub(super) async fn stack(
        &self,
        session: &Arc<Session>,
        initialize: Option<JsonRpcMessage>,
        head: &Parts,
    ) -> Result<BoxStack, BoxError> {
        let Some(maker) = &self.front.maker else {
            return Err(Error::busy("no sessions are served here").into());
        };
        let extensions = head.extensions.clone();
        maker.make(SessionInfo { session: session.clone(), initialize, extensions }).await
    }

    /// The client will know of it.
    pub(super) fn keep(mut self) {
        self.is_known = true;
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if !self.is_known {
            self.front.end(&self.key, &Error::closed("the session was not opened"));
        }
    }
}

/// Opens a session and forwards its first message.
pub(super) async fn open(front: &Arc<Front>, head: &Parts, message: JsonRpcMessage) -> Response<Body> {
    let failed = |error: BoxError| {
        let status = match error.downcast_ref::<Error>() {
            Some(error) if error.is_busy() => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY,
        };
        let response =
            answer::because(answer::failed(status, &message.responder(), &error), error.to_string());
        answer::tell(front, head, message.bytes(), &response);
        response
    };
    let (opening, id, session) = match Opening::begin(front, head) {
        Ok(begun) => begun,
        Err(error) => return failed(error),
    };
    session.asked(&message);
    let stack = match opening.stack(&session, Some(message.clone()), head).await {
        Ok(stack) => stack,
        Err(error) => return failed(error),
    };
    let live = Live::new(front, session, stack);
    if let Err(error) = front.add(id.key(), Open::Streamable(live.clone())) {
        return failed(error.into());
    }
    let call = match live.call(message.clone()) {
        Ok(call) => call,
        Err(refused) => {
            let response = answer::not_taken(refused, &message.responder());
            answer::tell(front, head, message.bytes(), &response);
            return response;
        }
    };
    let mut response = respond(call, accepted(&head.headers), None, front, &mut HeaderMap::new()).await;
    // Refused by the server, it is over already.
    if let Some(header) =
        session_header(id.reveal()).filter(|_| live.is_open() && response.status().is_success())
    {
        response.headers_mut().insert(header::SESSION_ID, header);
        opening.keep();
    }
    response
}
