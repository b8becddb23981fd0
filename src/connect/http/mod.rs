//! A server behind HTTP: Streamable HTTP of every revision, and HTTP+SSE of 2024-11-05, through any HTTP client that
//! is a tower service.
//!
//! - A request is a POST, and its answer a document or a stream of events; a stream of one message is one message.
//! - *Legacy*: the session that `initialize` opens is named by every later message, and ended at the server when the
//!   leaf is. What the server says unasked comes on a stream of its own, opened right after
//!   `notifications/initialized`; when it breaks it is taken up again, and what is repeated is dropped. A server that
//!   refuses `initialize` is tried with HTTP+SSE.
//! - *Modern*: every request stands alone, its headers made from its body. Dropping a call closes its stream, which
//!   cancels it.
//! - Which arguments of a tool are mirrored in the head, its schema says: a leaf learns it from the lists of tools
//!   that pass, and where none has, reads the list itself before it sends the first call. It reads it again when the
//!   server says that its tools changed, or that a head is wrong, and sends that call once more. A call that came over
//!   HTTP, and that no layer has changed, goes on with the headers that it [came with](crate::wire::http::Mirrored).
//! - Nothing that may have been acted upon is sent a second time; [`Error::is_unsent`] tells what never left.
//! - Redirects are not followed, and what a client sent to a front end goes nowhere but into the body: credentials
//!   come from [`Options::header`] or from layers around the HTTP client. A client that follows redirects must not
//!   take them along to another origin. [`Options::transparent_authorization`] is for hops that only record.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use shadowcat::JsonRpcMessage;
//! use shadowcat::connect::{Http, http::Body};
//! use tower::{Service, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In place of a real client, with or without the layers of tower-http around it:
//! let client = service_fn(|request: Request<Body>| async move {
//!     assert_eq!(request.uri().path(), "/mcp");
//!     Response::builder()
//!         .header("content-type", "application/json")
//!         .body(Body::from(Bytes::from(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#)))
//! });
//! let mut server = Http::new(client, "http://localhost:8000/mcp".parse()?);
//! let reply = server.ready().await?.call(JsonRpcMessage::request(1, "ping", "")?).await?;
//! assert_eq!(reply.as_one().unwrap().result(), Some(&b"{}"[..]));
//! # Ok(()) }
//! ```

mod answer;
mod authorize;
mod body;
mod call;
#[cfg(feature = "http-client")]
mod client;
#[cfg(feature = "http-client")]
mod connector;
mod ended;
mod endpoint;
mod events;
mod exchange;
mod list;
mod listen;
mod opening;
mod options;
mod pass_through;
mod pipe;
mod piped;
#[cfg(feature = "http-client")]
mod pool;
mod post;
mod posts;
mod probe;
mod questions;
mod reading;
mod refusal;
mod rename;
mod riding;
mod running;
mod session;
mod start;
mod state;
mod stats;
mod stream;
mod tools;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::http::{Request, Response, Uri};
use tower_service::Service;

use super::leaf::{Exit, Leaf};
use crate::error::{BoxError, Error};
use crate::message::JsonRpcMessage;
use crate::protocol::Era;
use crate::reply::Reply;

use state::{Handle, Shared};

pub use body::Body;
#[cfg(feature = "http-client")]
pub use client::{ClientFuture, HttpClient, ResponseBody};
pub use options::{Options, Transport};
pub use pass_through::{PassThrough, PassThroughFuture, PassedBody};
pub(in crate::connect) use probe::Found;
pub use rename::ResponseFuture;
pub use stats::Stats;

/// A leaf over the HTTP client `C`; cheap to clone, all clones are one session of one MCP client.
///
/// When every clone, pending call and open reply is gone, the session is ended at the server by a task of its own;
/// a program that ends then uses [`close`](Self::close), or waits for [`ended`](Self::ended) or with a
/// [`Farewell`](super::Farewell).
///
/// # Errors
///
/// A call fails with an [`Error`] that [`is_session_lost`](Error::is_session_lost) when the server does not know the
/// session any more, and then so does every other; that [`is_closed`](Error::is_closed) when the server cannot be
/// reached or broke off, and [`is_unsent`](Error::is_unsent) if the request never left; that
/// [`is_timeout`](Error::is_timeout), [`is_too_large`](Error::is_too_large) or [`is_busy`](Error::is_busy); and that
/// [`is_invalid`](Error::is_invalid) when what came was no acceptable answer. A JSON-RPC error is a reply, whatever
/// its status, and so is a 401 or 403. All that the server refused, or answered with neither
/// JSON nor events, say by a [`reply::Upstream`](crate::reply::Upstream) what it said, the errors among them in their
/// [`extensions`](Error::extensions); what failed with the session and was not answered itself does not.
///
/// # Backpressure
///
/// An answer that is a stream is read from the network as its reply is. What the server says unasked waits in a
/// queue; see [`Options::queue`].
pub struct Http<C> {
    handle: Arc<Handle>,
    client: PhantomData<fn() -> C>,
}

impl<C> Http<C> {
    /// A leaf for the server at `uri`, with the default [`Options`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime; it must have time enabled.
    pub fn new<B>(client: C, uri: Uri) -> Self
    where
        C: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
        C: Clone + Send + 'static,
        B: http_body::Body<Error: Into<BoxError>> + Send + 'static,
    {
        Self::with_options(client, uri, Options::default())
    }

    /// A leaf for the server at `uri`.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    pub fn with_options<B>(client: C, uri: Uri, options: Options) -> Self
    where
        C: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
        C: Clone + Send + 'static,
        B: http_body::Body<Error: Into<BoxError>> + Send + 'static,
    {
        let shared = Arc::new(Shared::new(exchange::to(client), uri, options));
        Self { handle: Arc::new(Handle(shared)), client: PhantomData }
    }

    /// The server's era, as far as its answers have shown it, or as it was told.
    pub fn era(&self) -> Option<Era> {
        self.shared().lock().era
    }

    /// What was dropped, skipped and taken up again so far.
    pub fn stats(&self) -> Stats {
        self.shared().stats()
    }

    /// The server's era, asked for where it is not known: with a `server/discover` that only modern servers
    /// understand. Layers that bridge the eras ask; without one, clients say what they are and servers answer it.
    ///
    /// # Errors
    ///
    /// The server could not be reached, failed, or wants to know who asks (401, 403): its era is still not known.
    pub async fn probe(&self) -> Result<Era, Error> {
        probe::probe(&self.handle).await
    }

    /// What a GET at its address finds; opens no session.
    pub(in crate::connect) async fn look(&self) -> Result<Found, Error> {
        probe::look(&self.handle).await
    }

    /// Ends the leaf whoever else holds it, and waits until the server was told that the session is over.
    ///
    /// # Errors
    ///
    /// The server could not be told.
    pub async fn close(self) -> Result<(), Error> {
        let _goodbye = self.shared().goodbyes.subscribe();
        match self.shared().finish(&Error::closed("the session was closed")) {
            Some(session) => self.shared().delete(session).await,
            None => Ok(()),
        }
    }

    /// Waits until the session has ended and the server was told so, for which it gets 10 s. Holds no claim on it.
    pub fn ended(&self) -> impl Future<Output = Exit> + Send + 'static + use<C> {
        let shared = self.shared().clone();
        async move { Exit::new(None, shared.told().await) }
    }

    /// Waits until no call goes through it any more: the server may not have been told yet. Holds no claim on it.
    pub fn closed(&self) -> impl Future<Output = Error> + Send + 'static + use<C> {
        let shared = self.shared().clone();
        async move { shared.end().await }
    }

    /// Ends the session whoever else uses it: every pending call fails at once with `why`, and so does every later
    /// one. The server is told by a task of its own.
    pub fn stop(&self, why: Error) {
        self.shared().stop(&why);
    }

    /// The same, from whoever has no claim on it.
    #[cfg(all(feature = "http-client", feature = "stdio", unix))]
    pub(in crate::connect) fn stopper(&self) -> impl FnOnce(&Error) + Send + 'static + use<C> {
        let shared = self.shared().clone();
        move |why| shared.stop(why)
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.0
    }
}

impl<C> Clone for Http<C> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone(), client: PhantomData }
    }
}

impl<C: 'static> Service<JsonRpcMessage> for Http<C> {
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, message: JsonRpcMessage) -> ResponseFuture {
        rename::start(&self.handle, message)
    }
}

impl<C: 'static> Leaf for Http<C> {
    fn ended(&self) -> impl Future<Output = Exit> + Send + 'static {
        Self::ended(self)
    }

    /// The server may not have been told yet.
    fn closed(&self) -> impl Future<Output = Error> + Send + 'static {
        Self::closed(self)
    }

    fn stop(&self, why: Error) {
        Self::stop(self, why);
    }
}

impl<C> fmt::Debug for Http<C> {
    /// Neither the address, whose query may be a secret, nor the session.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared().lock();
        f.debug_struct("Http")
            .field("host", &self.shared().uri.host())
            .field("era", &state.era)
            .field("pending", &state.pending)
            .finish_non_exhaustive()
    }
}
