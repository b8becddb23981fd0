//! A ready HTTP client: hyper with its connection pool.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use super::body::{Body, Chunks};
use super::exchange::broken;
use crate::error::Error;

/// How long a connection may take to be made, unless it is told otherwise.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one that nobody uses is kept. Servers commonly close theirs after 5 s (Node and uvicorn do): a request
/// that crosses that is lost, and none is sent a second time.
const IDLE: Duration = Duration::from_secs(4);
/// How many such there are.
const MOST_IDLE: usize = 64;
/// When a silent connection is asked whether its other end is there.
const KEEPALIVE: Duration = Duration::from_secs(60);

type Pool<C> = Client<C, Body>;

/// An HTTP client that shares its connections among its clones; follows no redirects, keeps no cookies, uses no proxy.
///
/// It is what an [`Http`](super::Http) leaf is made over where nothing else is wanted:
///
/// ```no_run
/// use shadowcat::connect::{Http, http::HttpClient};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Http::new(HttpClient::new(), "http://127.0.0.1:9001/mcp".parse()?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct HttpClient(Inner);

#[derive(Clone)]
enum Inner {
    Plain(Pool<HttpConnector>),
    #[cfg(feature = "http-client-tls")]
    Tls(Pool<hyper_rustls::HttpsConnector<HttpConnector>>),
}

/// The body of a response of [`HttpClient`]; by default, and for layers that answer in its place, an empty one.
#[derive(Debug)]
pub struct ResponseBody(Chunks);

impl HttpClient {
    /// Without TLS: an `https` address is refused.
    pub fn new() -> Self {
        Self::with_connect_timeout(CONNECT)
    }

    /// The same, with another limit for making a connection than 10 s.
    pub fn with_connect_timeout(limit: Duration) -> Self {
        Self(Inner::Plain(pool(connector(limit))))
    }

    /// With TLS by rustls, trusting the certificates that the system trusts, and HTTP/2 where the server has it.
    /// An `http` address is asked without TLS.
    ///
    /// # Errors
    ///
    /// The system's certificates cannot be read.
    #[cfg(feature = "http-client-tls")]
    pub fn with_native_roots() -> Result<Self, Error> {
        let tls = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(provider())
            .map_err(|error| Error::io("reading the system's certificates", error))?;
        Ok(Self::over(tls))
    }

    /// With TLS by these rules: roots of one's own, a client certificate. Its ALPN protocols are set here.
    ///
    /// # Panics
    ///
    /// The configuration names ALPN protocols.
    #[cfg(feature = "http-client-tls")]
    pub fn with_tls(config: rustls::ClientConfig) -> Self {
        Self::over(hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config))
    }

    #[cfg(feature = "http-client-tls")]
    fn over(tls: hyper_rustls::HttpsConnectorBuilder<hyper_rustls::builderstates::WantsSchemes>) -> Self {
        let mut connector = connector(CONNECT);
        connector.enforce_http(false);
        let tls = tls.https_or_http().enable_all_versions().wrap_connector(connector);
        Self(Inner::Tls(pool(tls)))
    }
}

/// Named, so that no other crate's choice of a default matters.
#[cfg(feature = "http-client-tls")]
fn provider() -> rustls::crypto::CryptoProvider {
    rustls::crypto::ring::default_provider()
}

fn connector(limit: Duration) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(limit));
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE)); // a stream may be silent for long
    connector
}

fn pool<C>(connector: C) -> Pool<C>
where
    C: hyper_util::client::legacy::connect::Connect + Clone,
{
    // What a pooled connection did not take before it closed is sent on another: it was never on the wire.
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(MOST_IDLE)
        .build(connector)
}

impl Default for HttpClient {
    fn default() -> Self {
        Self::new()
    }
}

/// The future of a request of [`HttpClient`].
pub struct ClientFuture(hyper_util::client::legacy::ResponseFuture);

impl Service<Request<Body>> for HttpClient {
    type Response = Response<ResponseBody>;
    type Error = Error;
    type Future = ClientFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> ClientFuture {
        ClientFuture(match &self.0 {
            Inner::Plain(pool) => pool.request(request),
            #[cfg(feature = "http-client-tls")]
            Inner::Tls(pool) => pool.request(request),
        })
    }
}

impl Future for ClientFuture {
    type Output = Result<Response<ResponseBody>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|outcome| match outcome {
            Ok(response) => Ok(response.map(|body| ResponseBody(Chunks::new(body)))),
            Err(error) => Err(broken("asking the server", error.into())),
        })
    }
}

impl Default for ResponseBody {
    fn default() -> Self {
        Self(Chunks::new(Body::default()))
    }
}

impl http_body::Body for ResponseBody {
    type Data = bytes::Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, Error>>> {
        self.0.poll_next(cx).map(|chunk| chunk.map(|chunk| chunk.map(http_body::Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_over()
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientFuture").finish_non_exhaustive()
    }
}
