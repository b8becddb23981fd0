//! How connections are made, and how long that may take.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::time::timeout;
use tower_service::Service;

use crate::error::BoxError;

/// When a silent connection is asked whether its other end is there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A connection that is not made in time is none: name, TCP and, where there is one, the handshake of TLS together.
#[derive(Clone, Debug)]
pub(super) struct Limited<C> {
    inner: C,
    limit: Duration,
}

/// Connections without TLS.
pub(super) fn plain(limit: Duration) -> Limited<HttpConnector> {
    Limited { inner: tcp(limit), limit }
}

/// Connections with TLS by these rules to `https`, and without it to `http`.
#[cfg(feature = "http-client-tls")]
pub(super) fn tls(
    config: rustls::ClientConfig,
    limit: Duration,
) -> Limited<hyper_rustls::HttpsConnector<HttpConnector>> {
    let mut tcp = tcp(limit);
    tcp.enforce_http(false);
    let tls = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config);
    Limited { inner: tls.https_or_http().enable_all_versions().wrap_connector(tcp), limit }
}

fn tcp(limit: Duration) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(limit)); // shared by all addresses of a name
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE)); // a stream may be silent for long
    connector
}

impl<C> Service<Uri> for Limited<C>
where
    C: Service<Uri, Response: 'static, Error: Into<BoxError>, Future: Send + 'static>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let (connecting, limit) = (self.inner.call(target), self.limit);
        Box::pin(async move {
            match timeout(limit, connecting).await {
                Ok(made) => made.map_err(Into::into),
                Err(_) => {
                    let why = format!("no connection within {limit:?}");
                    Err(io::Error::new(io::ErrorKind::TimedOut, why).into())
                }
            }
        })
    }
}
