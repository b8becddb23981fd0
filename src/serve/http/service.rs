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
use super::future::Responding;
use super::{ResponseFuture, answer, get, post, two_endpoints};
#[cfg(feature = "http-server")]
use crate::clock::Clock;
use crate::error::BoxError;
use crate::message::Code;
use crate::session::SessionStore;
use crate::wire::http::Claims;

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

    /// Ends every session. What is in flight is answered with an error. The leaves below say goodbye by themselves; a
    /// program that ends then waits for that, with a [`Farewell`](crate::connect::Farewell) say.
    pub fn close(&self) {
        self.front.close();
    }

    #[cfg(feature = "http-server")]
    pub(super) fn clock(&self) -> &Arc<Clock> {
        &self.front.options.clock
    }

    /// Everything that can be said to a head alone.
    fn check(&self, head: &Parts) -> Result<Claims, Box<Response<Body>>> {
        let claims = self.front.endpoint.claims(head).map_err(|refusal| {
            answer::tell_why(&self.front, head, b"", &refusal);
            Box::new(answer::refused_head(&refusal, self.allowed(&head.method)))
        })?;
        if names_session(head) {
            let why = "a session is named in Mcp-Session-Id, not in the address";
            answer::tell_why(&self.front, head, b"", why);
            let refused = answer::refuse(StatusCode::BAD_REQUEST, None, Code::INVALID_REQUEST, why);
            return Err(Box::new(refused));
        }
        Ok(claims)
    }

    /// Without a box around what is usual: a server of ours keeps it in place.
    pub(super) fn respond<B>(
        &self,
        request: Request<B>,
    ) -> Responding<impl Future<Output = Response<Body>> + Send + use<B>>
    where
        B: HttpBody + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        let (front, path) = (&self.front, head.uri.path());
        if front.sse.as_ref().is_some_and(|sse| sse.path() == path) {
            return Responding::rarely(two_endpoints::handle(front.clone(), head, body));
        }
        if front.fallback.is_some() && front.endpoint.path() != path {
            return Responding::rarely(self.clone().beside(head, body));
        }
        match self.check(&head) {
            Ok(claims) if head.method == Method::POST => {
                Responding::Usual { response: post::post(front.clone(), head, claims, body) }
            }
            Ok(_) => Responding::rarely(self.clone().answer(head)),
            Err(refused) => Responding::rarely(async { *refused }),
        }
    }

    /// What has no body, or none that is read.
    async fn answer(self, head: Parts) -> Response<Body> {
        let response = match head.method {
            Method::GET => get::get(&self.front, &head),
            Method::DELETE => get::delete(&self.front, &head),
            _ => answer::not_allowed(self.allowed(&head.method)),
        };
        answer::tell(&self.front, &head, b"", &response);
        response
    }

    /// What is not for the endpoint.
    async fn beside<B>(self, head: Parts, body: B) -> Response<Body>
    where
        B: HttpBody + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        match &self.front.fallback {
            Some(fallback) => match self.front.endpoint.check_caller(&head) {
                Ok(()) => fallback.answer(Request::from_parts(head, body)).await,
                Err(refusal) => {
                    answer::tell_why(&self.front, &head, b"", &refusal);
                    answer::refused(&refusal)
                }
            },
            None => answer::status(StatusCode::NOT_FOUND),
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
    let Some(query) = head.uri.query() else { return false };
    query
        .split('&')
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
        ResponseFuture::new(self.respond(request))
    }
}
