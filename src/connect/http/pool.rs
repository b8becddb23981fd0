//! A pool of connections without TLS, over hyper's own.
//!
//! hyper-util's client does more: it races a new connection against one that may come free, wraps each request
//! several times over, and writes `Host` anew. That costs a request as much again as sending it does.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use http::header::{Entry, HOST};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::time::{Instant, sleep};
use tower_service::Service;

use super::body::Body;
use super::client::{IDLE, MOST_IDLE};
use super::connector::Limited;
use super::exchange::broken;
use crate::error::Error;
use crate::quiet::Driven;

/// Clones are one pool.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    connector: Limited<HttpConnector>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// By authority, as it is written; what was used last is at the end.
    #[expect(clippy::vec_box, reason = "a link moves several times for each request")]
    idle: BTreeMap<Box<str>, Vec<Box<Link>>>,
    is_swept: bool,
}

/// A connection that serves one request at a time.
struct Link {
    sender: SendRequest<Body>,
    host: HeaderValue,
    /// Since when nobody uses it.
    since: Instant,
}

impl Pool {
    pub(super) fn new(connector: Limited<HttpConnector>) -> Self {
        Self(Arc::new(Shared { connector, table: Mutex::default() }))
    }

    /// Sends a request, on a connection that is there already or on a new one. What such a connection did not take
    /// before it closed is sent on another: it was never on the wire.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, which the error [says](Error::is_unsent), or it breaks off.
    pub(super) fn send<B>(
        self,
        mut request: Request<Body>,
        wrap: fn(Incoming) -> B,
    ) -> impl Future<Output = Result<Response<B>, Error>> + Send {
        let path = request.uri().path_and_query().cloned();
        let target = mem::replace(request.uri_mut(), origin_form(path));
        // No `async fn`, which would keep the request twice.
        async move {
            // Whatever else it is, the connector refuses it.
            let authority = target.authority().filter(|_| target.scheme() == Some(&Scheme::HTTP));
            loop {
                let idle = authority.and_then(|authority| self.0.take(authority));
                let is_reused = idle.is_some();
                let mut link = match idle {
                    Some(link) => link,
                    None => Box::pin(self.0.connect(&target)).await?,
                };
                if let Entry::Vacant(place) = request.headers_mut().entry(HOST) {
                    place.insert(link.host.clone());
                }
                match link.sender.try_send_request(request).await {
                    Ok(response) => {
                        if let Some(authority) = authority {
                            self.put_back(authority, link);
                        }
                        return Ok(response.map(wrap));
                    }
                    Err(mut error) => match error.take_message().filter(|_| is_reused) {
                        Some(untouched) => request = untouched,
                        None => return Err(broken("asking the server", error.into_error().into())),
                    },
                }
            }
        }
    }

    /// As soon as the response has been read; one that is dropped before closes its connection.
    fn put_back(self, authority: &Authority, mut link: Box<Link>) {
        if link.sender.is_ready() {
            return self.0.put(authority, link);
        }
        let authority = authority.clone();
        tokio::spawn(async move {
            if link.sender.ready().await.is_ok() {
                self.0.put(&authority, link);
            }
        });
    }
}

impl Shared {
    async fn connect(&self, target: &Uri) -> Result<Box<Link>, Error> {
        let unsent = |error| broken("asking the server", error).unsent();
        let stream = self.connector.clone().call(target.clone()).await.map_err(unsent)?;
        let host = host(target)?;
        let (mut sender, connection) = handshake(stream).await.map_err(|error| unsent(error.into()))?;
        tokio::spawn(async move {
            if let Err(error) = Driven::new(connection).await {
                tracing::debug!(%error, "a connection to the server broke");
            }
        });
        sender.ready().await.map_err(|error| unsent(error.into()))?;
        Ok(Box::new(Link { sender, host, since: Instant::now() }))
    }

    /// One that is open, as far as is known, and that the server has no reason yet to close.
    fn take(&self, authority: &Authority) -> Option<Box<Link>> {
        let mut table = self.lock();
        let idle = table.idle.get_mut(authority.as_str())?;
        while let Some(link) = idle.pop() {
            if link.sender.is_ready() && link.since.elapsed() < IDLE {
                return Some(link);
            }
        }
        None
    }

    fn put(self: &Arc<Self>, authority: &Authority, mut link: Box<Link>) {
        link.since = Instant::now();
        let mut table = self.lock();
        match table.idle.get_mut(authority.as_str()) {
            Some(idle) if idle.len() >= MOST_IDLE => return,
            Some(idle) => idle.push(link),
            None => drop(table.idle.insert(authority.as_str().into(), vec![link])),
        }
        if !mem::replace(&mut table.is_swept, true) {
            tokio::spawn(Sweeper(Arc::downgrade(self)).sweep());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what nobody uses, as long as there is something.
struct Sweeper(Weak<Shared>);

impl Sweeper {
    async fn sweep(mut self) {
        loop {
            sleep(IDLE).await;
            let Some(shared) = self.0.upgrade() else { return };
            let mut table = shared.lock();
            table.idle.retain(|_, idle| {
                idle.retain(|link| link.sender.is_ready() && link.since.elapsed() < IDLE);
                !idle.is_empty()
            });
            if table.idle.is_empty() {
                // Under the lock, so that a connection that is kept now finds that it must start anew.
                table.is_swept = false;
                return self.0 = Weak::new();
            }
        }
    }
}

/// Its runtime is gone: the next connection that is kept has another.
impl Drop for Sweeper {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.lock().is_swept = false;
        }
    }
}

/// What a request says to the server itself (RFC 9112, section 3.2.1).
fn origin_form(path: Option<PathAndQuery>) -> Uri {
    path.map_or_else(Uri::default, Uri::from)
}

/// Without user and password, and without the port that goes without saying.
pub(super) fn host(target: &Uri) -> Result<HeaderValue, Error> {
    let name = target.host().unwrap_or_default();
    let host = match target.port_u16() {
        Some(port) if port != 80 => HeaderValue::try_from(format!("{name}:{port}")),
        _ => HeaderValue::from_str(name),
    };
    host.map_err(|_| Error::invalid("the server's address is none that can be sent").unsent())
}

#[cfg(test)]
mod tests;
