//! How a server refused, in its own words.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// What an HTTP server said when it refused a request, or answered with what is no answer: an extension of the
/// [`Reply`](super::Reply) that says so, or of the [`Error`](crate::Error) that the call failed with.
///
/// Front ends that speak HTTP hand on what may be handed on: the status, a challenge, a body that is no message. Others
/// tell the message or the failure. It holds what the server chose to say, so it is shown to nobody by itself.
#[derive(Clone)]
#[non_exhaustive]
pub struct Upstream {
    /// The status.
    pub status: StatusCode,
    /// The head, hop-by-hop headers and all.
    pub headers: HeaderMap,
    /// A body that is no message, as it came. Empty where it was larger than a message may be: a part of a page would
    /// go for the whole. `None` where the body is the reply's message, or was not read.
    pub body: Option<Bytes>,
    /// The request carried a credential of ours: that it is not accepted (401) or not enough (403) is nothing that a client
    /// could mend, and front ends do not ask it to.
    pub own_credential: bool,
}

impl Upstream {
    /// From its parts, to a request without a credential of ours.
    ///
    /// ```
    /// use http::{HeaderMap, StatusCode};
    /// use shadowcat::{Code, JsonRpcMessage, Reply, reply::Upstream};
    ///
    /// let call = JsonRpcMessage::request(1, "tools/list", "")?;
    /// let mut reply = Reply::refuse(&call, Code::INTERNAL_ERROR, "The server wants a token");
    /// reply.extensions_mut().insert(Upstream::new(StatusCode::UNAUTHORIZED, HeaderMap::new(), None));
    /// assert_eq!(reply.extensions().get::<Upstream>().unwrap().status, 401);
    /// # Ok::<(), shadowcat::ParseError>(())
    /// ```
    pub fn new(status: StatusCode, headers: HeaderMap, body: Option<Bytes>) -> Self {
        Self { status, headers, body, own_credential: false }
    }

    /// Whether it is us whom the server does not know, or does not let.
    pub fn is_about_us(&self) -> bool {
        self.own_credential && matches!(self.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
    }
}

impl fmt::Debug for Upstream {
    /// Names of headers and the size of the body; never what they say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("status", &self.status)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body", &self.body.as_ref().map(Bytes::len))
            .finish()
    }
}
