//! What of a server is no MCP: the documents about it.

mod body;
mod headers;
mod paths;

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use tokio::time::Instant;
use tower_service::Service;

use super::body::{Body, Chunks};
use super::events::{Content, content};
use super::exchange::{self, Exchange};
use super::state::by;
use crate::error::{BoxError, Error};
use crate::wire::http::Relocation;

use paths::Paths;

pub use body::PassedBody;

/// Hands requests for the documents about a server on to it, and its answers back: a plain HTTP service, for the
/// [`fallback`](crate::serve::http::Builder::fallback) of a front end or a route of one's own.
///
/// It asks for `GET` and `HEAD` of the well-known documents of OAuth, and for what [`allow`](Self::allow) adds, and
/// answers 404 to any other path without asking. Of a request only what it asks for goes on, no credential and no
/// cookie; redirects are handed back, not followed. An answer is handed back as it comes and is, but for headers of the
/// connection, credentials and cookies; it may be 1 MiB and take 30 s, and is cut off beyond. A server that cannot be
/// reached is a 502, one that does not answer in time a 504.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use shadowcat::connect::http::{Body, PassThrough};
/// use tower::{ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // In place of a real client:
/// let client = service_fn(|request: Request<Body>| async move {
///     assert_eq!(request.uri(), "http://up.example:8000/.well-known/oauth-authorization-server");
///     Ok::<_, std::io::Error>(Response::new(Body::from(Bytes::from("{}"))))
/// });
/// let documents = PassThrough::new(client, "http://up.example:8000/mcp".parse()?);
/// let ask = |path: &str| Request::get(path).body(String::new());
/// assert_eq!(documents.clone().oneshot(ask("/.well-known/oauth-authorization-server")?).await?.status(), 200);
/// assert_eq!(documents.oneshot(ask("/.well-known/../mcp")?).await?.status(), 404);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PassThrough {
    exchange: Arc<dyn Exchange>,
    upstream: Uri,
    paths: Paths,
    relocation: Option<Relocation>,
    transparent: bool,
    max_body: usize,
    timeout: Duration,
}

impl PassThrough {
    /// For the server at `upstream`, of which scheme, host and port count.
    pub fn new<C, B>(client: C, upstream: Uri) -> Self
    where
        C: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
        C: Clone + Send + 'static,
        B: http_body::Body<Error: Into<BoxError>> + Send + 'static,
    {
        Self {
            exchange: exchange::to(client).into(),
            upstream,
            paths: Paths::well_known(),
            relocation: None,
            transparent: false,
            max_body: 1 << 20,
            timeout: Duration::from_secs(30),
        }
    }

    /// Asks for this path too, by this method only; its query goes on with it. For servers of 2025-03-26 that are
    /// their own authorization server and have no document about it: `GET /authorize`, `POST /token`,
    /// `POST /register`.
    pub fn allow(mut self, method: Method, path: impl Into<String>) -> Self {
        self.paths.allow(method, path.into());
        self
    }

    /// Tells clients our address in the metadata of the protected resource, and in that of an authorization server that is
    /// the server itself, and asks the server for the document at
    /// the address that it has there. Where the same relocation changed a challenge that said that the document is
    /// elsewhere at the server, it is asked for there, too.
    pub fn relocate(mut self, relocation: Relocation) -> Self {
        self.relocation = Some(relocation);
        self
    }

    /// Sends on the `Authorization` of a request: the secret of an OAuth client at its token endpoint, say. See
    /// [`Options::transparent_authorization`](super::Options::transparent_authorization).
    pub fn transparent_authorization(mut self, transparent: bool) -> Self {
        self.transparent = transparent;
        self
    }

    /// The bytes of a body, either way (1 MiB).
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// How long an exchange may take, with all of its answer's body (30 s).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(Duration::from_secs(86_400));
        self
    }

    async fn handle(self, head: Parts, body: Chunks) -> Response<PassedBody> {
        let is_metadata = self.is_metadata(head.uri.path());
        if let Err(refused) = self.paths.check(&head.method, head.uri.path(), is_metadata) {
            return refuse(refused.status, refused.allow);
        }
        let by_then = Instant::now() + self.timeout;
        let body = match self.body(&head, body, by_then).await {
            Ok(body) => body,
            Err(error) => return refuse(status_of_request(&error), None),
        };
        match self.exchange(&head, body, by_then).await {
            Ok(response) => response,
            Err(error) => {
                tracing::warn!(%error, "a request beside the stack was not answered");
                refuse(status(&error), None)
            }
        }
    }

    async fn body(&self, head: &Parts, mut body: Chunks, by_then: Instant) -> Result<Body, Error> {
        if head.method == Method::GET || head.method == Method::HEAD {
            return Ok(Body::default());
        }
        by(by_then, body.whole(self.max_body)).await.map(Body::from)
    }

    async fn exchange(
        &self,
        head: &Parts,
        body: Body,
        by_then: Instant,
    ) -> Result<Response<PassedBody>, Error> {
        let mut request = Request::new(body);
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = self.address(&head.uri)?;
        *request.headers_mut() = headers::asked(&head.headers, self.transparent);
        let response = by(by_then, self.exchange.send(request)).await?;
        let (mut said, body) = response.into_parts();
        said.headers = headers::said(&said.headers);
        let body = match self.relocation.as_ref().filter(|_| said.status.is_success()) {
            Some(moved) => self.relocated(moved, &mut said.headers, head, body, by_then).await?,
            None => PassedBody::streamed(body, self.max_body, by_then),
        };
        let mut response = Response::new(body);
        (*response.status_mut(), *response.headers_mut()) = (said.status, said.headers);
        Ok(response)
    }

    /// The document with our address in it; what is none is handed back as it is.
    async fn relocated(
        &self,
        relocation: &Relocation,
        headers: &mut HeaderMap,
        asked: &Parts,
        mut body: Chunks,
        by_then: Instant,
    ) -> Result<PassedBody, Error> {
        let path = asked.uri.path();
        let is_metadata = self.is_metadata(path);
        if content(headers) != Content::Json || !(is_metadata || paths::is_well_known(path)) {
            return Ok(PassedBody::streamed(body, self.max_body, by_then));
        }
        headers.remove(CONTENT_LENGTH);
        if asked.method == Method::HEAD {
            return Ok(PassedBody::whole(Bytes::new()));
        }
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(Error::invalid("the server compressed a document unasked"));
        }
        let document = by(by_then, body.whole(self.max_body)).await?;
        let relocated =
            if is_metadata { relocation.metadata(&document) } else { relocation.issuer(&document) };
        relocated
            .map(PassedBody::whole)
            .ok_or_else(|| Error::invalid("the server's metadata is no such document"))
    }

    /// The document with the `resource`, where it always is or where a challenge said that it is.
    fn is_metadata(&self, path: &str) -> bool {
        paths::is_metadata(path) || self.relocation.as_ref().is_some_and(|moved| moved.is_named(path))
    }

    /// At the server's origin, whatever the request names.
    fn address(&self, asked: &Uri) -> Result<Uri, Error> {
        let path = asked.path();
        let path =
            self.relocation.as_ref().map_or_else(|| path.to_owned(), |moved| moved.path_of_document(path));
        let query = asked.query().map_or(String::new(), |query| format!("?{query}"));
        let mut parts = self.upstream.clone().into_parts();
        parts.path_and_query = Some(format!("{path}{query}").parse().map_err(Error::invalid)?);
        Uri::from_parts(parts).map_err(Error::invalid)
    }
}

fn refuse(status: StatusCode, allow: Option<String>) -> Response<PassedBody> {
    let mut response = Response::new(PassedBody::whole(Default::default()));
    *response.status_mut() = status;
    if let Some(allow) = allow.and_then(|allow| allow.parse().ok()) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// What is wrong with the body of a request.
fn status_of_request(error: &Error) -> StatusCode {
    if error.is_too_large() {
        StatusCode::PAYLOAD_TOO_LARGE
    } else if error.is_timeout() {
        StatusCode::REQUEST_TIMEOUT
    } else {
        StatusCode::BAD_REQUEST
    }
}

fn status(error: &Error) -> StatusCode {
    if error.is_timeout() { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY }
}

impl<B> Service<Request<B>> for PassThrough
where
    B: http_body::Body<Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<PassedBody>;
    type Error = Infallible;
    type Future = PassThroughFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> PassThroughFuture {
        let (head, body) = request.into_parts();
        PassThroughFuture(Box::pin(self.clone().handle(head, Chunks::new(body))))
    }
}

/// The future of a request to a [`PassThrough`].
pub struct PassThroughFuture(Pin<Box<dyn Future<Output = Response<PassedBody>> + Send>>);

impl Future for PassThroughFuture {
    type Output = Result<Response<PassedBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}

impl fmt::Debug for PassThroughFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassThroughFuture").finish_non_exhaustive()
    }
}

impl fmt::Debug for PassThrough {
    /// Not the address, whose query may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassThrough")
            .field("host", &self.upstream.host())
            .field("paths", &self.paths)
            .field("relocation", &self.relocation)
            .field("transparent_authorization", &self.transparent)
            .finish_non_exhaustive()
    }
}
