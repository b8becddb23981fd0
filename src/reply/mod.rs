//! What a call gives back: nothing, one message, or a stream of messages that ends in the response.
//!
//! Reading a [`Reply`] is polling a stream; dropping it before its end cancels the call.
//!
//! ```
//! use shadowcat::{Code, JsonRpcMessage, Reply};
//!
//! let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"rm"}"#)?;
//! let refused = Reply::refuse(&call, Code::INVALID_PARAMS, "Unknown tool: rm");
//! assert_eq!(refused.as_one().unwrap().id().unwrap().as_i64(), Some(1));
//!
//! let (sender, reply) = Reply::channel(8);
//! sender.try_send(JsonRpcMessage::notification("notifications/progress", r#"{"progressToken":1,"progress":1}"#)?)?;
//! sender.finish(JsonRpcMessage::response(1, "{}")?);
//! let all = futures::executor::block_on(reply.collect(1024))?;
//! assert_eq!(all.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```

mod channel;
mod combine;
mod failure;
mod inspect;
mod service;
mod upstream;

use std::any::Any;
use std::fmt::{self, Display};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use http::Extensions;

use crate::error::Error;
use crate::message::{Code, JsonRpcMessage, Kind};

pub(crate) use failure::failure;

pub use channel::{ReplySender, TrySendError};
pub use inspect::{End, Event};
pub use service::RpcService;
pub use upstream::Upstream;

type Item = Result<JsonRpcMessage, Error>;

/// The reply to one call.
///
/// A notification and a client's answer give an empty reply, an ordinary request one message, and a request
/// that the server speaks about before it answers (progress, logs, questions of its own) a stream that ends
/// in the response. A listen is a stream that stays open.
#[must_use = "a reply is read or dropped; dropping it cancels the call"]
pub struct Reply {
    body: Body,
    /// Released at the end, or with the reply.
    guards: Option<Box<Guard>>,
    extensions: Extensions,
}

enum Body {
    /// Nothing, or nothing more.
    Empty,
    One(JsonRpcMessage),
    Channel(channel::Receiver),
    Stream(Pin<Box<dyn Stream<Item = Item> + Send>>),
}

struct Guard {
    _held: Box<dyn Any + Send>,
    _next: Option<Box<Guard>>,
}

impl Reply {
    fn new(body: Body) -> Self {
        Self { body, guards: None, extensions: Extensions::new() }
    }

    /// No message: what a notification gets.
    pub fn empty() -> Self {
        Self::new(Body::Empty)
    }

    /// One message, usually the response.
    pub fn one(message: JsonRpcMessage) -> Self {
        Self::new(Body::One(message))
    }

    /// Messages as they come; the first response among them with an id ends the reply.
    pub fn stream(stream: impl Stream<Item = Result<JsonRpcMessage, Error>> + Send + 'static) -> Self {
        Self::new(Body::Stream(Box::pin(stream)))
    }

    /// A queue of at most `capacity` messages besides the final response.
    pub fn channel(capacity: usize) -> (ReplySender, Self) {
        Self::channel_of(capacity, usize::MAX)
    }

    /// The same, bounded by bytes too.
    pub(crate) fn channel_of(capacity: usize, max_bytes: usize) -> (ReplySender, Self) {
        let (sender, receiver) = channel::channel(capacity, max_bytes);
        (sender, Self::new(Body::Channel(receiver)))
    }

    /// An error response for `request`; empty for a message that is never answered.
    pub fn refuse(request: &JsonRpcMessage, code: Code, why: impl Display) -> Self {
        request.responder().refusal(code, why).map_or_else(Self::empty, Self::one)
    }

    /// This result, a constant that is JSON, for `request` in the place of whoever should have answered; empty for a
    /// message that is never answered.
    pub(crate) fn made_up(request: &JsonRpcMessage, result: &str) -> Self {
        let answer = request.responder().result(result).ok().flatten();
        answer.map_or_else(Self::empty, |answer| Self::one(answer.synthetic()))
    }

    /// The single message, where the reply is one: what a retry policy looks at.
    pub fn as_one(&self) -> Option<&JsonRpcMessage> {
        match &self.body {
            Body::One(message) => Some(message),
            _ => None,
        }
    }

    /// Whether nothing more comes. True as soon as the final response was read, before `None` is.
    pub fn is_end(&self) -> bool {
        matches!(self.body, Body::Empty)
    }

    /// A reply that is nothing but a failure.
    pub(crate) fn failed(error: Error) -> Self {
        let (sender, reply) = Self::channel(1);
        sender.fail(error);
        reply
    }

    /// At most one message, which is there already.
    pub(crate) fn is_single(&self) -> bool {
        matches!(self.body, Body::Empty | Body::One(_))
    }

    /// Facts about the reply, by type; never written to the wire.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The same, to add to.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// The next message; `None` at the end.
    pub(crate) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        let next = match &mut self.body {
            Body::Empty => Poll::Ready(None),
            Body::One(_) => match mem::replace(&mut self.body, Body::Empty) {
                Body::One(message) => Poll::Ready(Some(Ok(message))),
                _ => Poll::Ready(None),
            },
            Body::Channel(receiver) => receiver.poll_next(cx),
            Body::Stream(stream) => stream.as_mut().poll_next(cx),
        };
        if let Poll::Ready(item) = &next
            && item.as_ref().is_none_or(ends)
        {
            self.body = Body::Empty;
            self.guards = None;
        }
        next
    }
}

/// A response ends the reply, unless it is an error that answers nobody; so does a failure.
fn ends(item: &Item) -> bool {
    item.as_ref().map_or(true, |message| message.kind() == Kind::Response && message.id().is_some())
}

impl Stream for Reply {
    type Item = Result<JsonRpcMessage, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_message(cx)
    }
}

impl From<JsonRpcMessage> for Reply {
    fn from(message: JsonRpcMessage) -> Self {
        Self::one(message)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body: &dyn fmt::Debug = match &self.body {
            Body::Empty => &"empty",
            Body::One(message) => message,
            Body::Channel(_) => &"channel",
            Body::Stream(_) => &"stream",
        };
        f.debug_struct("Reply")
            .field("body", body)
            .field("held", &self.guards.is_some())
            .finish_non_exhaustive()
    }
}
