//! The service for HTTP+SSE, of 2024-11-05.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use tower_service::Service;

use super::body::Body;
use super::front::{Front, Open};
use super::inbox::{Inbox, TwoEndpoints};
use super::open::Opening;
use super::{ResponseFuture, answer, read};
use crate::error::{BoxError, Error};
use crate::message::{Code, Responder};
use crate::protocol::Era;
use crate::wire::http::{Endpoint, error_status};

/// The front end for clients of 2024-11-05, beside the [`Http`](super::Http) that it was made of: GET opens a stream,
/// which is a session, and says where to POST to. That address is relative, so that it holds behind any prefix.
///
/// It shares the stacks' factory, the bounds and the store. What was said before a stream broke is gone, and so
/// is its session.
#[derive(Clone, Debug)]
pub struct HttpSse {
    front: Arc<Front>,
    endpoint: Arc<Endpoint>,
}

impl HttpSse {
    pub(super) fn new(front: Arc<Front>, endpoint: Endpoint) -> Self {
        Self { front, endpoint: Arc::new(endpoint) }
    }

    async fn handle<B>(self, request: Request<B>) -> Response<Body>
    where
        B: HttpBody,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        if let Err(refusal) = self.endpoint.check_head(&head) {
            return answer::refused(&refusal);
        }
        match head.method {
            Method::GET => self.open(&head).await,
            Method::POST => self.post(&head, body).await,
            _ => answer::not_allowed("GET, POST"),
        }
    }

    async fn open(self, head: &Parts) -> Response<Body> {
        let nobody = Responder::of_nobody();
        let failed = |error: BoxError| {
            let status = error.downcast_ref::<Error>().map_or(StatusCode::BAD_GATEWAY, error_status);
            answer::failed(status, &nobody, &error)
        };
        let (opening, id, session) = match Opening::begin(&self.front, head) {
            Ok(begun) => begun,
            Err(error) => return failed(error),
        };
        let stack = match opening.stack(&session, None, head).await {
            Ok(stack) => stack,
            Err(error) => return failed(error),
        };
        let inbox = Inbox::new(self.front.options.max_in_flight);
        self.front.add(id.key(), Open::TwoEndpoints(inbox.clone()));
        let endpoint = format!("?sessionId={}", id.reveal());
        let keep_alive = self.front.options.keep_alive;
        let stream = TwoEndpoints::new(self.front, session, inbox, stack, endpoint);
        opening.keep(); // the stream ends it
        answer::events(Body::events(stream, keep_alive))
    }

    async fn post<B>(self, head: &Parts, body: B) -> Response<Body>
    where
        B: HttpBody,
        B::Error: Into<BoxError>,
    {
        let options = &self.front.options;
        let Some(id) = session_of(head) else {
            let why = "sessionId is missing";
            return answer::refuse(StatusCode::BAD_REQUEST, None, Code::INVALID_REQUEST, why);
        };
        let Some(Open::TwoEndpoints(inbox)) = self.front.find(id, &head.extensions) else {
            return answer::unknown_session(None);
        };
        let bytes = match read::body(body, options.scan.max_bytes, options.patience).await {
            Ok(bytes) => bytes,
            Err(refusal) => return *refusal,
        };
        let message = match self.endpoint.read(&head.headers, bytes, &options.scan) {
            Ok((message, Era::Legacy)) => message,
            Ok((message, Era::Modern)) => {
                let (id, why) = (message.responder(), "this revision is not served here");
                return answer::refuse(StatusCode::BAD_REQUEST, id.id(), Code::INVALID_REQUEST, why);
            }
            Err(refusal) => return answer::refused(&refusal),
        };
        match inbox.put(message) {
            Ok(()) => answer::status(StatusCode::ACCEPTED),
            Err(not_taken) if not_taken.closed => answer::unknown_session(None),
            Err(_) => answer::status(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// The session that the address names.
fn session_of(head: &Parts) -> Option<&str> {
    let parameters = head.uri.query()?.split('&');
    let mut named = parameters.filter_map(|parameter| parameter.strip_prefix("sessionId="));
    named.next().filter(|_| named.next().is_none())
}

impl<B> Service<Request<B>> for HttpSse
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
