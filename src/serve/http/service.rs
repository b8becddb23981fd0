//! The service.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use tower_service::Service;

use super::body::Body;
use super::front::Front;
use super::{ResponseFuture, answer, get, post, two_endpoints};
use crate::error::BoxError;
use crate::message::Code;
use crate::session::SessionStore;

/// An MCP server on Streamable HTTP; clones are the same server. Made by [`http`](super::http()).
///
/// When the last clone is gone, every session is over, once its open responses are.
#[derive(Clone, Debug)]
pub struct Http {
    front: Arc<Front>,
}

impl Http {
    pub(super) fn new(front: Front) -> Self {
        Self { front: Arc::new(front) }
    }

    /// The sessions that are open.
    pub fn sessions(&self) -> &dyn SessionStore {
        &*self.front.store
    }

    /// Ends the streams that would never end by themselves, and opens no session any more. What is in flight goes on.
    pub fn drain(&self) {
        self.front.drain();
    }

    /// Whether nothing is in flight.
    pub fn is_idle(&self) -> bool {
        self.front.is_idle()
    }

    /// Ends every session. What is in flight is answered with an error.
    pub fn close(&self) {
        self.front.close();
    }

    async fn handle<B>(self, request: Request<B>) -> Response<Body>
    where
        B: HttpBody + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        if let Some(sse) = self.front.sse.as_ref().filter(|sse| sse.path() == head.uri.path()) {
            return Box::pin(two_endpoints::handle(self.front.clone(), sse, head, body)).await;
        }
        if let Some(fallback) =
            self.front.fallback.as_ref().filter(|_| self.front.endpoint.path() != head.uri.path())
        {
            return match self.front.endpoint.check_caller(&head) {
                Ok(()) => fallback.answer(Request::from_parts(head, body)).await,
                Err(refusal) => answer::refused(&refusal),
            };
        }
        if let Err(refusal) = self.front.endpoint.check_head(&head) {
            return answer::refused_head(&refusal, self.allowed(&head.method));
        }
        if names_session(&head) {
            let why = "a session is named in Mcp-Session-Id, not in the address";
            return answer::refuse(StatusCode::BAD_REQUEST, None, Code::INVALID_REQUEST, why);
        }
        match head.method {
            Method::POST => post::post(self.front, head, body).await,
            Method::GET => get::get(&self.front, &head),
            Method::DELETE => get::delete(&self.front, &head),
            _ => answer::not_allowed(self.allowed(&head.method)),
        }
    }

    /// What else than `refused` is served: sessions have more, unless it is their methods that were refused.
    fn allowed(&self, refused: &Method) -> &'static str {
        let is_theirs = matches!(*refused, Method::GET | Method::DELETE);
        if self.front.maker.is_none() || is_theirs { "POST" } else { "DELETE, GET, POST" }
    }
}

/// Addresses are logged; and a session of HTTP+SSE is none of this endpoint's.
fn names_session(head: &Parts) -> bool {
    let names = ["sessionid", "session_id", "mcp-session-id"];
    let parameters = head.uri.query().unwrap_or_default().split('&');
    parameters
        .map(|parameter| parameter.split('=').next().unwrap_or_default().to_ascii_lowercase())
        .any(|name| names.contains(&name.as_str()))
}

impl<B> Service<Request<B>> for Http
where
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        ResponseFuture::new(self.clone().handle(request))
    }
}
