//! The way to the user's HTTP client, whatever its type: one request, one response.

#[cfg(feature = "http-client")]
use std::any::Any;
use std::error::Error as StdError;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

#[cfg(feature = "http-client")]
use http::HeaderValue;
#[cfg(feature = "http-client")]
use http::header::{CONTENT_LENGTH, Entry, HOST};
use http::{HeaderMap, Request, Response, Uri};
#[cfg(feature = "http-client")]
use http_body::Body as _;
use tower_service::Service;

use super::body::{Body, Chunks};
#[cfg(feature = "http-client")]
use super::client::{HttpClient, ResponseBody};
#[cfg(feature = "http-client")]
use super::pool::{self, Pool};
use crate::error::{BoxError, Error};

/// A response on its way.
pub(super) type Sending = Pin<Box<dyn Future<Output = Result<Response<Chunks>, Error>> + Send>>;

/// An HTTP client without its type: the leaf's inside is compiled once.
pub(super) trait Exchange: Send + Sync {
    fn send(&self, request: Request<Body>) -> Sending;

    /// Makes room in the head of every message for what it adds to it: a copy has none, and to grow costs more than
    /// the copy.
    fn prepare(&self, _head: &mut HeaderMap, _uri: &Uri) {}
}

/// A client of which each request takes a clone.
struct Client<C>(Mutex<C>);

impl<C, B> Exchange for Client<C>
where
    C: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
    C: Clone + Send + 'static,
    B: http_body::Body<Error: Into<BoxError>> + Send + 'static,
{
    fn send(&self, request: Request<Body>) -> Sending {
        let mut client = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move {
            // What is not ready has taken nothing yet.
            let ready = poll_fn(|cx| client.poll_ready(cx)).await;
            ready.map_err(|error| broken("the HTTP client", error.into()).unsent())?;
            match client.call(request).await {
                Ok(response) => Ok(response.map(Chunks::new)),
                Err(error) => Err(broken("asking the server", error.into())),
            }
        })
    }
}

/// The way to this client; the shorter one to a client of ours.
pub(super) fn to<C, B>(client: C) -> Box<dyn Exchange>
where
    C: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
    C: Clone + Send + 'static,
    B: http_body::Body<Error: Into<BoxError>> + Send + 'static,
{
    #[cfg(feature = "http-client")]
    if let Some(pool) = (&client as &dyn Any).downcast_ref().and_then(HttpClient::pool) {
        return Box::new(pool.clone());
    }
    Box::new(Client(Mutex::new(client)))
}

#[cfg(feature = "http-client")]
impl Exchange for Pool {
    fn send(&self, mut request: Request<Body>) -> Sending {
        if let Some(length @ 1..) = request.body().size_hint().exact() {
            request.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        Box::pin(self.clone().send(request, |body| Chunks::ours(ResponseBody::from(body))))
    }

    fn prepare(&self, head: &mut HeaderMap, uri: &Uri) {
        if let (Entry::Vacant(place), Ok(host)) = (head.entry(HOST), pool::host(uri)) {
            place.insert(host);
        }
        head.insert(CONTENT_LENGTH, HeaderValue::from_static("0")); // until it is known
        // A map that is full grows even where nothing is added to it; its copies have its size.
        head.reserve(8);
    }
}

/// What a client's own error means: the connection broke, or was never made.
pub(super) fn broken(doing: &str, error: BoxError) -> Error {
    if error.is::<Error>() {
        return error.into();
    }
    let text = told(&*error);
    if is_timeout(&*error) {
        let timeout = Error::timeout(format_args!("{doing}: {text}"));
        return if is_unsent(&*error) { timeout.unsent() } else { timeout };
    }
    let closed = Error::closed(format_args!("{doing}: {text}"));
    if is_unsent(&*error) { closed.unsent() } else { closed }
}

/// The error and its causes; each says only its own part.
fn told(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error).skip(1) {
        text.push_str(": ");
        text.push_str(&cause.to_string());
    }
    text
}

/// The error itself comes first.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// The connection was never made.
fn is_unsent(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| {
        let refused = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        refused == Some(io::ErrorKind::ConnectionRefused) || is_connect(cause)
    })
}

fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    let timed_out = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    causes(error).any(|cause| cause.downcast_ref::<io::Error>().is_some_and(timed_out))
}

#[cfg(feature = "http-client")]
fn is_connect(error: &(dyn StdError + 'static)) -> bool {
    error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|error| error.is_connect())
}

#[cfg(not(feature = "http-client"))]
fn is_connect(_: &(dyn StdError + 'static)) -> bool {
    false
}
