//! How an HTTP leaf behaves.

use std::fmt;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::message::ScanOptions;
use crate::protocol::{Era, header};

/// What a longer time is cut to, so that it can be added to any other: a year.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// Which of the two HTTP transports of legacy servers is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// One endpoint (2025-03-26 and later).
    Streamable,
    /// HTTP+SSE: a stream that names a second endpoint (2024-11-05).
    Sse,
}

/// Bounds and habits of an [`Http`](super::Http) leaf. Every bound is on by default.
///
/// ```
/// use std::time::Duration;
/// use http::{HeaderValue, header::AUTHORIZATION};
/// use shadowcat::connect::http::Options;
///
/// let mut token = HeaderValue::from_static("Bearer s3cret");
/// token.set_sensitive(true);
/// let options = Options::new().header(AUTHORIZATION, token).timeout(Duration::from_secs(30));
/// assert!(!format!("{options:?}").contains("s3cret"));
/// ```
#[derive(Clone)]
pub struct Options {
    pub(super) headers: HeaderMap,
    pub(super) scan: ScanOptions,
    pub(super) timeout: Duration,
    pub(super) max_pending: usize,
    pub(super) queue_messages: usize,
    pub(super) queue_bytes: usize,
    pub(super) reconnect: (Duration, Duration),
    pub(super) era: Option<Era>,
    pub(super) transport: Option<Transport>,
    pub(super) unauthorized_is_lost: bool,
    pub(super) drop_invalid_tools: bool,
    pub(super) rewrite_ids: bool,
    pub(super) transparent: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            headers: HeaderMap::new(),
            scan: ScanOptions::default(),
            timeout: Duration::from_secs(60),
            max_pending: 1024,
            queue_messages: 1024,
            queue_bytes: 8 << 20,
            reconnect: (Duration::from_secs(1), Duration::from_secs(30)),
            era: None,
            transport: None,
            unauthorized_is_lost: false,
            drop_invalid_tools: true,
            rewrite_ids: false,
            transparent: false,
        }
    }
}

impl Options {
    /// The defaults: messages of 4 MiB, 60 s for an answer, 1,024 pending calls, 1,024 messages and 8 MiB that wait to
    /// be listened to, reconnections after 1 s to 30 s; era and transport are found out.
    ///
    /// Besides, 1,024 questions of the server may be open; more are refused, as are those that nobody can answer. 64
    /// cancellations and refusals are on their way at once, each for 10 s at most; what is more is
    /// [counted](super::Stats) and not told.
    pub fn new() -> Self {
        Self::default()
    }

    /// A header of every request, in place of one of that name: a credential of ours, say. Headers that say what
    /// the body is, or that the protocol sets, are not taken from here.
    ///
    /// What a client sent to a front end is not sent on: credentials come from here only, unless the hop is
    /// [transparent](Self::transparent_authorization).
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if !is_ours(&name) {
            self.headers.insert(name, value);
        }
        self
    }

    /// What the server's messages must pass. Its `max_bytes` bounds bodies and events.
    pub fn scan(mut self, scan: ScanOptions) -> Self {
        self.scan = scan;
        self
    }

    /// How long a call waits for its first message, and an answer that is a stream for its next sign of life,
    /// which a comment is. Then the call fails with an error that `is_timeout()`. A listen is only waited for
    /// until it is open. On HTTP+SSE, where the stream is everybody's, comments do not count.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(LONGEST);
        self
    }

    /// Calls at once; more fail with an error that `is_busy()`.
    pub fn max_pending(mut self, calls: usize) -> Self {
        self.max_pending = calls.max(1);
        self
    }

    /// What the session's listen may hold unread; beyond, it ends with an error that `is_overflow()`. As much is
    /// kept until it is opened, and what does not fit is dropped.
    pub fn queue(mut self, messages: usize, bytes: usize) -> Self {
        self.queue_messages = messages.max(1);
        self.queue_bytes = bytes;
        self
    }

    /// How long to wait before a stream that broke is taken up again, at first and at most, where the server asks
    /// for nothing else.
    pub fn reconnect(mut self, first: Duration, most: Duration) -> Self {
        let first = first.min(LONGEST);
        self.reconnect = (first, most.clamp(first, LONGEST));
        self
    }

    /// The server's era, where it is known: a modern server is never asked for a legacy transport.
    pub fn era(mut self, era: Era) -> Self {
        self.era = Some(era);
        self
    }

    /// The transport of a legacy server, where it is known. Else `initialize` is tried with the newer one, and if
    /// the server refuses that, with the older one.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Take status 401 without a challenge, as answer to a request that named a session, for the loss of the
    /// session, and 422 as answer to one that named none, for the want of one (400): rmcp 0.2 says it so. Off, because
    /// elsewhere they mean what they say.
    pub fn unauthorized_is_lost(mut self, lost: bool) -> Self {
        self.unauthorized_is_lost = lost;
        self
    }

    /// Whether tools of a modern server that cannot be called over HTTP, because their `x-mcp-header` annotations
    /// break the rules, are left out of the lists that pass. On: a client over stdio does not know those rules, and one
    /// over HTTP leaves them out itself.
    pub fn drop_invalid_tools(mut self, drop: bool) -> Self {
        self.drop_invalid_tools = drop;
        self
    }

    /// Give every request a small id of our own, and its progress token the same, and map both back: for servers
    /// that mangle ids. A call is then cancelled without the client's reason. Off.
    pub fn rewrite_ids(mut self, rewrite: bool) -> Self {
        self.rewrite_ids = rewrite;
        self
    }

    /// Sends on the `Authorization` that the client sent, in place of one of [`header`](Self::header): what a front
    /// end that is transparent too left beside each message as a [`ClientAuthorization`]. Requests that the leaf
    /// makes for a session of its own accord, such as the stream of what the server says unasked, carry what the
    /// session's client last sent; hence one leaf for each session.
    ///
    /// Off, and for recording what passes between a client and the server that it knows: MCP forbids servers to take
    /// tokens that were issued for another, so that the client must see this hop as the server itself (2026-07-28
    /// basic/authorization, "Token Handling"). Layers of such a stack can read the tokens.
    ///
    /// [`ClientAuthorization`]: crate::wire::http::ClientAuthorization
    pub fn transparent_authorization(mut self, transparent: bool) -> Self {
        self.transparent = transparent;
        self
    }
}

/// Says what the body is, or comes from the protocol.
fn is_ours(name: &HeaderName) -> bool {
    [HOST, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, header::LAST_EVENT_ID].contains(name)
        || name.as_str().starts_with("mcp-")
}

impl fmt::Debug for Options {
    /// Names of headers, never their values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("scan", &self.scan)
            .field("timeout", &self.timeout)
            .field("max_pending", &self.max_pending)
            .field("queue", &(self.queue_messages, self.queue_bytes))
            .field("reconnect", &self.reconnect)
            .field("era", &self.era)
            .field("transport", &self.transport)
            .field("unauthorized_is_lost", &self.unauthorized_is_lost)
            .field("drop_invalid_tools", &self.drop_invalid_tools)
            .field("rewrite_ids", &self.rewrite_ids)
            .field("transparent_authorization", &self.transparent)
            .finish()
    }
}
