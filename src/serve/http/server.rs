//! A server of our own, for a front end that stands alone.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Poll, Waker};
use std::time::Duration;

use http::{Request, Response};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower_service::Service;

use super::Http;
use super::timer::HeadTimer;
use crate::error::{BoxError, Error};
use crate::quiet::Driven;

/// A head that takes longer is not waited for.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a head; hyper answers 431 to more, and to more than 100 fields.
const HEAD_BYTES: usize = 16 << 10;
/// After a failure to accept, as when there are no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the last errors may take to be written.
const GOODBYE: Duration = Duration::from_secs(1);

/// HTTP/1.1 on a listener. Made by [`Http::server`].
///
/// ```no_run
/// use shadowcat::serve::{self, http::SessionInfo};
/// use shadowcat::wire::http::Endpoint;
/// use shadowcat::connect;
/// use tokio::net::TcpListener;
/// use tower::service_fn;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), shadowcat::BoxError> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let endpoint = Endpoint::bound_to("/mcp", listener.local_addr()?)?;
/// let child = service_fn(|_: SessionInfo| async { connect::Command::new("my-mcp-server").spawn() });
/// let http = serve::http(endpoint).sessions(child).build();
/// http.server().run(listener, async { tokio::signal::ctrl_c().await.unwrap_or_default() }).await?;
/// # Ok(()) }
/// ```
///
/// # Backpressure
///
/// At most [`max_connections`](Self::max_connections) connections are open; more wait to be accepted.
#[must_use = "a server does nothing until it runs"]
pub struct Server<S = Http> {
    http: Http,
    service: S,
    drain: Duration,
    max_connections: usize,
}

impl Http {
    /// A server around it.
    pub fn server(&self) -> Server {
        let drain = Duration::from_secs(5);
        Server { http: self.clone(), service: self.clone(), drain, max_connections: 16_384 }
    }
}

impl<S> Server<S> {
    /// Has this answer instead: the same front end within layers, which authenticate, say, or beside other routes.
    pub fn service<T>(self, service: T) -> Server<T> {
        Server { http: self.http, service, drain: self.drain, max_connections: self.max_connections }
    }

    /// How long what is in flight may go on once the server is told to stop (5 s); then it is answered with errors.
    pub fn drain(mut self, patience: Duration) -> Self {
        self.drain = patience;
        self
    }

    /// Connections open at once (16,384).
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// Serves until `stop` resolves; then drains, ends every session, and returns. Dropped, it cuts everything off.
    ///
    /// A session is ended by dropping its stack: the leaf below says goodbye in a task of its own. A program that ends
    /// then waits for that, with a [`Farewell`](crate::connect::Farewell) say.
    ///
    /// # Errors
    ///
    /// None yet; a failure to accept one connection is logged.
    pub async fn run<B>(self, listener: TcpListener, stop: impl Future<Output = ()>) -> Result<(), Error>
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
        B: HttpBody + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (stopping, stopped) = watch::channel(false);
        let timer = HeadTimer::new(self.http.clock().clone());
        let mut open = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            let is_full = open.len() >= self.max_connections;
            tokio::select! {
                () = &mut stop => break,
                Some(_) = open.join_next(), if !open.is_empty() => {}
                accepted = listener.accept(), if !is_full => match accepted {
                    Ok((stream, _)) => {
                        let (service, timer) = (self.service.clone(), timer.clone());
                        open.spawn(connection(stream, service, timer, stopped.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection was not accepted");
                        sleep(PAUSE).await;
                    }
                },
            }
        }
        drop(listener);
        self.http.drain();
        stopping.send_replace(true);
        let _ = timeout(self.drain, all(&mut open)).await;
        self.http.close();
        let _ = timeout(GOODBYE, all(&mut open)).await;
        open.shutdown().await;
        Ok(())
    }
}

async fn all(open: &mut JoinSet<()>) {
    while open.join_next().await.is_some() {}
}

/// One connection, to its end; once the server stops, to the end of the request that is being answered.
async fn connection<S, B>(stream: TcpStream, service: S, timer: HeadTimer, mut stopped: watch::Receiver<bool>)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    // Bare, a request needs no clone of it, and its future no box: the connection has a place for it.
    match (&service as &dyn Any).downcast_ref::<Http>().cloned() {
        Some(http) => {
            drive(stream, service_fn(move |request| http.respond(request)), timer, &mut stopped).await
        }
        None => drive(stream, TowerToHyperService::new(service), timer, &mut stopped).await,
    }
}

async fn drive<S, B>(stream: TcpStream, service: S, timer: HeadTimer, stopped: &mut watch::Receiver<bool>)
where
    S: HttpService<Incoming, ResBody = B, Error = Infallible>,
    B: HttpBody + 'static,
    B::Error: Into<BoxError>,
{
    let _ = stream.set_nodelay(true); // events are small, and each is waited for
    let connection = http1::Builder::new()
        .timer(timer)
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = Driven::new(connection);
    let ended = match until(&mut connection, stopped).await {
        Some(ended) => ended,
        None => {
            connection.get_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// The connection to its end; `None` once the server stops.
async fn until<C: Future + Unpin>(
    connection: &mut C,
    stopped: &mut watch::Receiver<bool>,
) -> Option<C::Output> {
    let seen = stopped.clone();
    let mut stopped = pin!(stopped.changed());
    // Who wakes this connection; asking for the change at every turn would cost as much as reading from it.
    let mut woken_by: Option<Waker> = None;
    poll_fn(|cx| {
        if let Poll::Ready(ended) = Pin::new(&mut *connection).poll(cx) {
            return Poll::Ready(Some(ended));
        }
        let is_asked = woken_by.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if is_asked && matches!(seen.has_changed(), Ok(false)) {
            return Poll::Pending;
        }
        woken_by = Some(cx.waker().clone());
        stopped.as_mut().poll(cx).map(|_| None)
    })
    .await
}

impl<S> fmt::Debug for Server<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("http", &self.http)
            .field("drain", &self.drain)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}
