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
mod failure;
mod inspect;
mod service;

use std::any::Any;
use std::fmt::{self, Display};
use std::future::poll_fn;
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
        request.responder().error(code, why).map_or_else(Self::empty, Self::one)
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

    /// Keeps `guard` until the reply ends or is dropped: a permit then covers the whole exchange.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use shadowcat::{JsonRpcMessage, Reply};
    ///
    /// let permit = Arc::new(());
    /// let reply = Reply::one(JsonRpcMessage::response(1, "{}")?).hold(permit.clone());
    /// assert_eq!(Arc::strong_count(&permit), 2);
    /// drop(reply);
    /// assert_eq!(Arc::strong_count(&permit), 1);
    /// # Ok::<(), shadowcat::ParseError>(())
    /// ```
    pub fn hold(mut self, guard: impl Send + 'static) -> Self {
        if !self.is_end() {
            self.guards = Some(Box::new(Guard { _held: Box::new(guard), _next: self.guards.take() }));
        }
        self
    }

    /// Changes every message. A single message is changed at once and not boxed.
    ///
    /// ```
    /// use shadowcat::{JsonRpcMessage, Reply};
    ///
    /// let reply = Reply::one(JsonRpcMessage::response(1, r#"{"n":1}"#)?);
    /// let reply = reply.map(|message| message.clone().edit().result("{}").finish().unwrap_or(message));
    /// assert_eq!(reply.as_one().unwrap().result(), Some(&b"{}"[..]));
    /// # Ok::<(), shadowcat::ParseError>(())
    /// ```
    pub fn map(self, mut change: impl FnMut(JsonRpcMessage) -> JsonRpcMessage + Send + 'static) -> Self {
        self.wrap(move |body| match body {
            Body::Empty => Body::Empty,
            Body::One(message) => Body::One(change(message)),
            stream => Body::Stream(Box::pin(inspect::Map { inner: Self::new(stream), change })),
        })
    }

    /// Shows every message and then exactly one [`End`]. A single message is shown at once, with
    /// [`End::Complete`], and not boxed.
    ///
    /// ```
    /// use std::sync::{Arc, atomic::{AtomicUsize, Ordering}};
    /// use shadowcat::{JsonRpcMessage, Reply, reply::Event};
    ///
    /// let bytes = Arc::new(AtomicUsize::new(0));
    /// let counted = bytes.clone();
    /// let reply = Reply::one(JsonRpcMessage::response(1, "{}")?).inspect(move |event| {
    ///     if let Event::Message(message) = event {
    ///         counted.fetch_add(message.bytes().len(), Ordering::Relaxed);
    ///     }
    /// });
    /// assert_eq!(bytes.load(Ordering::Relaxed), reply.as_one().unwrap().bytes().len());
    /// # Ok::<(), shadowcat::ParseError>(())
    /// ```
    pub fn inspect(self, mut see: impl FnMut(Event<'_>) + Send + 'static) -> Self {
        self.wrap(move |body| match body {
            Body::Empty => {
                see(Event::End(End::Complete));
                Body::Empty
            }
            Body::One(message) => {
                see(Event::Message(&message));
                see(Event::End(End::Complete));
                Body::One(message)
            }
            stream => Body::Stream(Box::pin(inspect::Inspect::new(Self::new(stream), see))),
        })
    }

    /// A reply that is nothing but a failure.
    pub(crate) fn failed(error: Error) -> Self {
        let (sender, reply) = Self::channel(1);
        sender.fail(error);
        reply
    }

    /// Puts one last message, if there is one, in the place of a failure.
    pub(crate) fn recover(
        self,
        answer: impl FnOnce(Error) -> Option<JsonRpcMessage> + Send + 'static,
    ) -> Self {
        self.wrap(move |body| match body {
            Body::Empty | Body::One(_) => body,
            stream => {
                Body::Stream(Box::pin(inspect::Recover { inner: Self::new(stream), answer: Some(answer) }))
            }
        })
    }

    /// At most one message, which is there already.
    pub(crate) fn is_single(&self) -> bool {
        matches!(self.body, Body::Empty | Body::One(_))
    }

    /// Everything the reply holds, up to `max_bytes` of messages together.
    ///
    /// # Errors
    ///
    /// The reply failed, or it is larger: then [`Error::is_too_large`], and the call is cancelled.
    pub async fn collect(mut self, max_bytes: usize) -> Result<Vec<JsonRpcMessage>, Error> {
        let (mut all, mut size) = (Vec::new(), 0_usize);
        while let Some(item) = poll_fn(|cx| self.poll_message(cx)).await {
            let message = item?;
            size = size.saturating_add(message.bytes().len());
            if size > max_bytes {
                return Err(Error::too_large(format_args!("a reply of more than {max_bytes} bytes")));
            }
            all.push(message);
        }
        Ok(all)
    }

    /// Facts about the reply, by type; never written to the wire.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The same, to add to.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    fn wrap(mut self, change: impl FnOnce(Body) -> Body) -> Self {
        self.body = change(mem::replace(&mut self.body, Body::Empty));
        self
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
