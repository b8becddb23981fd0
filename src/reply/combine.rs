//! What can be done with a whole reply.

use std::future::poll_fn;
use std::mem;

use futures_core::Stream;

use super::inspect::{self, End, Event};
use super::{Body, Guard, Reply};
use crate::error::Error;
use crate::message::JsonRpcMessage;

impl Reply {
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

    /// What a stream makes of the messages, with what is held and known beside them kept.
    pub(crate) fn over<T>(self, make: impl FnOnce(Self) -> T) -> Self
    where
        T: Stream<Item = Result<JsonRpcMessage, Error>> + Send + 'static,
    {
        self.wrap(|body| Body::Stream(Box::pin(make(Self::new(body)))))
    }

    fn wrap(mut self, change: impl FnOnce(Body) -> Body) -> Self {
        self.body = change(mem::replace(&mut self.body, Body::Empty));
        self
    }
}
