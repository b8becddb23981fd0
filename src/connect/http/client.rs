//! A ready HTTP client: hyper with its connection pool.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use http_body::Frame;
use hyper::body::Incoming;
use tower_service::Service;

use super::body::Body;
use super::connector;
use super::exchange::broken;
use super::pool::Pool;
use crate::error::Error;

/// How long a connection may take to be made, unless it is told otherwise.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one that nobody uses is kept. Servers commonly close theirs after 5 s (Node and uvicorn do): a request
/// that crosses that is lost, and none is sent a second time.
pub(super) const IDLE: Duration = Duration::from_secs(4);
/// How many such there are.
pub(super) const MOST_IDLE: usize = 64;
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
    Plain(Pool),
    #[cfg(feature = "http-client-tls")]
    Tls(std::sync::Arc<Tls>),
}

/// Its connections may be shared by many requests: HTTP/2.
#[cfg(feature = "http-client-tls")]
struct Tls {
    pool: hyper_util::client::legacy::Client<
        connector::Limited<hyper_rustls::HttpsConnector<hyper_util::client::legacy::connect::HttpConnector>>,
        Body,
    >,
    config: rustls::ClientConfig,
}

/// The body of a response of [`HttpClient`]; by default, and for layers that answer in its place, an empty one.
#[derive(Debug, Default)]
pub struct ResponseBody(Option<Incoming>);

impl HttpClient {
    /// Without TLS: an `https` address is refused.
    pub fn new() -> Self {
        Self(Inner::Plain(Pool::new(connector::plain(CONNECT))))
    }

    /// The same with another limit for making a connection than 10 s: until it is there, TLS and all, the name looked
    /// up. A request that waits for one fails then with an error that `is_timeout()` and
    /// [`is_unsent()`](Error::is_unsent). It has connections of its own.
    ///
    /// ```
    /// use std::time::Duration;
    /// use shadowcat::connect::http::HttpClient;
    ///
    /// let client = HttpClient::new().connect_timeout(Duration::from_secs(2));
    /// ```
    pub fn connect_timeout(self, limit: Duration) -> Self {
        Self(match self.0 {
            Inner::Plain(_) => Inner::Plain(Pool::new(connector::plain(limit))),
            #[cfg(feature = "http-client-tls")]
            Inner::Tls(tls) => Inner::Tls(Tls::new(tls.config.clone(), limit).into()),
        })
    }

    /// Without TLS it is its pool.
    pub(super) fn pool(&self) -> Option<&Pool> {
        match &self.0 {
            Inner::Plain(pool) => Some(pool),
            #[cfg(feature = "http-client-tls")]
            Inner::Tls(_) => None,
        }
    }

    /// With TLS by rustls, trusting the certificates that the system trusts, and HTTP/2 where the server has it.
    /// An `http` address is asked without TLS.
    ///
    /// # Errors
    ///
    /// The system's certificates cannot be read.
    #[cfg(feature = "http-client-tls")]
    pub fn with_native_roots() -> Result<Self, Error> {
        use hyper_rustls::ConfigBuilderExt;

        let builder = rustls::ClientConfig::builder_with_provider(provider().into());
        let builder = builder.with_safe_default_protocol_versions().map_err(Error::invalid)?;
        let trusting = builder
            .with_native_roots()
            .map_err(|error| Error::io("reading the system's certificates", error))?;
        Ok(Self::with_tls(trusting.with_no_client_auth()))
    }

    /// With TLS by these rules: roots of one's own, a client certificate. Its ALPN protocols are set here.
    ///
    /// # Panics
    ///
    /// The configuration names ALPN protocols.
    #[cfg(feature = "http-client-tls")]
    pub fn with_tls(config: rustls::ClientConfig) -> Self {
        Self(Inner::Tls(Tls::new(config, CONNECT).into()))
    }
}

#[cfg(feature = "http-client-tls")]
impl Tls {
    fn new(config: rustls::ClientConfig, limit: Duration) -> Self {
        // What a pooled connection did not take before it closed is sent on another: it was never on the wire.
        let pool = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
            .pool_timer(hyper_util::rt::TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MOST_IDLE)
            .build(connector::tls(config.clone(), limit));
        Self { pool, config }
    }
}

/// Named, so that no other crate's choice of a default matters.
#[cfg(feature = "http-client-tls")]
fn provider() -> rustls::crypto::CryptoProvider {
    rustls::crypto::ring::default_provider()
}

impl Default for HttpClient {
    fn default() -> Self {
        Self::new()
    }
}

/// The future of a request of [`HttpClient`].
pub struct ClientFuture(Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, Error>> + Send>>);

impl Service<Request<Body>> for HttpClient {
    type Response = Response<ResponseBody>;
    type Error = Error;
    type Future = ClientFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> ClientFuture {
        ClientFuture(match &self.0 {
            Inner::Plain(pool) => Box::pin(pool.clone().send(request, ResponseBody::from)),
            #[cfg(feature = "http-client-tls")]
            Inner::Tls(tls) => {
                let sent = tls.pool.request(request);
                Box::pin(async move {
                    let response = sent.await.map_err(|error| broken("asking the server", error.into()))?;
                    Ok(response.map(ResponseBody::from))
                })
            }
        })
    }
}

impl Future for ClientFuture {
    type Output = Result<Response<ResponseBody>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl From<Incoming> for ResponseBody {
    fn from(body: Incoming) -> Self {
        Self(Some(body))
    }
}

impl http_body::Body for ResponseBody {
    type Data = bytes::Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<bytes::Bytes>, Error>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        Poll::Ready(frame.map(|frame| frame.map_err(|error| broken("reading from the server", error.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(http_body::Body::is_end_stream)
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
