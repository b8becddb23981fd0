//! The way to the user's HTTP client, whatever its type: one request, one response.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use http::{Request, Response};
use tower_service::Service;

use super::body::{Body, Chunks};
use crate::error::{BoxError, Error};

/// A response on its way.
pub(super) type Sending = Pin<Box<dyn Future<Output = Result<Response<Chunks>, Error>> + Send>>;

/// An HTTP client without its type: the leaf's inside is compiled once.
pub(super) trait Exchange: Send + Sync {
    fn send(&self, request: Request<Body>) -> Sending;
}

/// A client of which each request takes a clone.
pub(super) struct Client<C>(pub(super) Mutex<C>);

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
