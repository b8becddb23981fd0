//! What a front end on HTTP is made of.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tower_service::Service;

use super::budget::Budget;
use super::fallback::{Fallback, RequestBody};
use super::front::{DAY, Front, Options};
use super::stack::{BoxStack, Maker};
use super::turns::Turns;
use super::{Http, SessionInfo};
use crate::error::BoxError;
use crate::message::{OnRefused, RefusedFrame, ScanOptions};
use crate::reply::RpcService;
use crate::session::{MemoryStore, SessionStore};
use crate::wire::http::{Endpoint, Relocation};

/// A front end on HTTP, to be configured and built. See [`http`](super::http()).
#[must_use = "a front end is built before it serves"]
pub struct Builder {
    endpoint: Endpoint,
    sse: Option<Endpoint>,
    options: Options,
    maker: Option<Maker>,
    stateless: Option<BoxStack>,
    fallback: Option<Fallback>,
    relocation: Option<Relocation>,
    store: Arc<dyn SessionStore>,
}

impl Builder {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        let options = Options {
            scan: ScanOptions::default(),
            max_in_flight: 1024,
            max_stateless: 16_384,
            max_streams: 8,
            max_batch: 0,
            idle: Duration::from_secs(30 * 60),
            age: Duration::from_secs(24 * 60 * 60),
            patience: Duration::from_secs(30),
            keep_alive: Duration::from_secs(15),
            prime_after: Duration::from_millis(100),
            replay_events: 256,
            replay_bytes: 256 << 10,
            budget: Arc::new(Budget::new(64 << 20)),
            clock: Arc::default(),
            transparent: false,
            on_refused: OnRefused::default(),
        };
        Self {
            endpoint,
            sse: None,
            options,
            maker: None,
            stateless: None,
            fallback: None,
            relocation: None,
            store: Arc::new(MemoryStore::new()),
        }
    }

    /// Serves the revisions before 2026-07-28: `make` makes a stack for each session, which is dropped with it.
    pub fn sessions<M, S>(mut self, make: M) -> Self
    where
        M: Service<SessionInfo, Response = S, Error: Into<BoxError>, Future: Send + 'static> + Send + 'static,
        S: RpcService,
    {
        self.maker = Some(Maker::new(make));
        self
    }

    /// Serves requests that stand alone: those of 2026-07-28, and where no [`sessions`](Self::sessions) are served,
    /// those of older clients that get no session.
    ///
    /// Where the stack ends in a process, [`CheckParamsLayer`](crate::layer::CheckParamsLayer) belongs above it: what
    /// heads say of a tool's arguments, nobody else can check.
    pub fn stateless(mut self, stack: impl RpcService) -> Self {
        self.stateless = Some(BoxStack::new(stack));
        self
    }

    /// Serves clients of 2024-11-05 as well, at an endpoint of its own: GET opens a stream, which is a session, and says
    /// where to POST to. That address is relative, so that it holds behind any prefix.
    ///
    /// Sessions, bounds and store are the same; of what was posted, 8 MiB wait until the stream takes them, and more is
    /// refused with 503. What was said when such a stream breaks is lost with its session.
    pub fn http_sse(mut self, endpoint: Endpoint) -> Self {
        self.sse = Some(endpoint);
        self
    }

    /// What the client's messages must pass. Its size bounds the bodies of requests, too (4 MiB).
    pub fn scan(mut self, scan: ScanOptions) -> Self {
        self.options.scan = scan;
        self
    }

    /// Requests in flight at once in one session (1,024), and twice as many other messages; more are refused with 503.
    /// Twice as many questions of the server may be open, too.
    pub fn max_in_flight(mut self, messages: usize) -> Self {
        self.options.max_in_flight = messages.max(1);
        self
    }

    /// Requests in flight at once that belong to no session (16,384), and twice as many other messages; more are
    /// refused with 503.
    pub fn max_stateless(mut self, messages: usize) -> Self {
        self.options.max_stateless = messages.max(1);
        self
    }

    /// Streams that one session may have open by GET (8); more are refused with 409.
    pub fn max_streams(mut self, streams: usize) -> Self {
        self.options.max_streams = streams.max(1);
        self
    }

    /// Takes batches of up to so many messages in sessions of 2025-03-26, the only revision that has them. Each message
    /// goes through the stack by itself; the answers come back as an array, or as an event stream where anything else
    /// comes before them, which cannot be taken up again. Of a batch that is not acceptable nothing reaches the stack.
    ///
    /// With 0, which is the default, batches are refused with 400, as later revisions want it.
    pub fn batches(mut self, messages: usize) -> Self {
        self.options.max_batch = messages;
        self
    }

    /// How long a session may have nothing in flight and no stream open (30 min); then it is over.
    pub fn idle_timeout(mut self, idle: Duration) -> Self {
        self.options.idle = idle;
        self
    }

    /// How long a session may last, whatever it does (24 h).
    pub fn max_age(mut self, age: Duration) -> Self {
        self.options.age = age;
        self
    }

    /// How long the body of a request may take (30 s).
    pub fn body_timeout(mut self, patience: Duration) -> Self {
        self.options.patience = patience;
        self
    }

    /// After how much silence an event stream gets a comment, and a request that is still not answered an event
    /// stream (15 s; never less than one, nor more than a day).
    pub fn keep_alive(mut self, silence: Duration) -> Self {
        self.options.keep_alive = silence.clamp(Duration::from_secs(1), DAY);
        self
    }

    /// How long a request of 2025-11-25 may go unanswered before its response becomes an event stream that its client
    /// can take up again if the connection breaks (100 ms). Clients of earlier revisions wait for
    /// [`keep_alive`](Self::keep_alive), and so does everybody where nothing is kept for [`replay`](Self::replay), or
    /// where whoever answers [asks for it](crate::session::ResponseStream::wait), as a leaf over HTTP does.
    pub fn prime_after(mut self, silence: Duration) -> Self {
        self.options.prime_after = silence;
        self
    }

    /// What is kept of a session's events for streams that are taken up again: 256 of them, and 256 KiB. With none,
    /// events have no ids.
    pub fn replay(mut self, events: usize, bytes: usize) -> Self {
        (self.options.replay_events, self.options.replay_bytes) = (events, bytes);
        self
    }

    /// What is kept for [`replay`](Self::replay) of all sessions, and read of all bodies that are not complete, in bytes
    /// (64 MiB). Where there is no room, what was kept first goes first; a body that still finds none is refused with
    /// 503, and an event is not kept.
    pub fn max_buffered(mut self, bytes: usize) -> Self {
        self.options.budget = Arc::new(Budget::new(bytes));
        self
    }

    /// Keeps sessions elsewhere than in a [`MemoryStore`] with its default bounds.
    pub fn store(mut self, store: impl SessionStore) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// Leaves the `Authorization` that a client sends beside each of its messages, as a [`ClientAuthorization`]: for a
    /// leaf that sends it on, such as one of
    /// [`connect::http::Options::transparent_authorization`](crate::connect::http::Options::transparent_authorization).
    /// Without that, it goes no further than the layers around this service; cookies never do.
    ///
    /// For recording what passes between a client and the server that it knows, and nothing else: layers of the stack
    /// can read the tokens then, and clients are answered as the server answers them. Clients of 2024-11-05 cannot be
    /// told by HTTP+SSE that a token is wanted.
    ///
    /// [`ClientAuthorization`]: crate::wire::http::ClientAuthorization
    pub fn transparent_authorization(mut self, transparent: bool) -> Self {
        self.options.transparent = transparent;
        self
    }

    /// Tells clients our address in the challenges of an upstream that would name its own.
    pub fn relocate(mut self, relocation: Relocation) -> Self {
        self.relocation = Some(relocation);
        self
    }

    /// Has this answer requests for any other path: documents about the server, say, by a
    /// [`connect::http::PassThrough`](crate::connect::http::PassThrough). Else they get 404.
    ///
    /// `Host`, `Origin` and how the request is framed are checked first, as for the endpoint itself; the body is the
    /// service's to bound. Shutting down does not wait for it.
    ///
    /// ```
    /// use http::{Request, Response, StatusCode};
    /// use shadowcat::serve::{self, http::RequestBody};
    /// use shadowcat::wire::http::Endpoint;
    /// use tower::{ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let health = service_fn(|request: Request<RequestBody>| async move {
    ///     let status = if request.uri().path() == "/health" { StatusCode::OK } else { StatusCode::NOT_FOUND };
    ///     Ok(Response::builder().status(status).body(String::new()).expect("a status and no headers"))
    /// });
    /// let endpoint = Endpoint::bound_to("/mcp", "127.0.0.1:8080".parse()?)?;
    /// let server = serve::http(endpoint).fallback(health).build();
    /// let ask = Request::get("/health").header("host", "localhost:8080").body(String::new())?;
    /// assert_eq!(server.clone().oneshot(ask).await?.status(), 200);
    /// let rebound = Request::get("/health").header("host", "evil.example").body(String::new())?;
    /// assert_eq!(server.oneshot(rebound).await?.status(), 403);
    /// # Ok(()) }
    /// ```
    pub fn fallback<S, B>(mut self, service: S) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible, Future: Send>,
        S: Clone + Send + 'static,
        B: http_body::Body<Error: Into<BoxError>> + Send + 'static,
    {
        self.fallback = Some(Fallback::new(service));
        self
    }

    /// Is told what is refused before it becomes a message of a stack's: bodies that are none or cannot be read, requests
    /// whose heads are wrong, what is of no session that is open, what answers no question, and what is too much or has
    /// an id that is in use. So a recorder has it too. Why is told behind the status. It must not block.
    pub fn on_refused(mut self, told: impl Fn(&RefusedFrame<'_>) + Send + Sync + 'static) -> Self {
        self.options.on_refused = OnRefused::new(told);
        self
    }

    /// The service.
    pub fn build(self) -> Http {
        let max = self.options.scan.max_bytes as u64;
        let mut front = Front::new(self.endpoint.max_body_bytes(max), self.options, self.store);
        front.sse = self.sse.map(|sse| sse.max_body_bytes(max));
        front.maker = self.maker;
        front.stateless = self.stateless.map(Turns::new);
        (front.fallback, front.relocation) = (self.fallback, self.relocation);
        Http::new(front)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("endpoint", &self.endpoint)
            .field("sessions", &self.maker.is_some())
            .field("stateless", &self.stateless.is_some())
            .finish_non_exhaustive()
    }
}
