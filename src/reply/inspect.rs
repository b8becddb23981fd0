//! Replies that are watched or changed while they are read.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::{Item, Reply};
use crate::error::Error;
use crate::message::JsonRpcMessage;

/// What [`Reply::inspect`] shows.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a reply is messages and one end")]
pub enum Event<'a> {
    /// A message passes.
    Message(&'a JsonRpcMessage),
    /// The reply is over; nothing comes after this.
    End(End<'a>),
}

/// How a reply ended.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a reply ends in one of these ways")]
pub enum End<'a> {
    /// Everything was read.
    Complete,
    /// The channel below broke.
    Failed(&'a Error),
    /// The reader dropped it: the call was cancelled.
    Dropped,
}

pub(super) struct Map<F> {
    pub(super) inner: Reply,
    pub(super) change: F,
}

/// Nothing in it is pinned in place: the reply boxes what must be.
impl<F> Unpin for Map<F> {}

impl<F: FnMut(JsonRpcMessage) -> JsonRpcMessage> Stream for Map<F> {
    type Item = Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        let this = self.get_mut();
        let item = ready!(this.inner.poll_message(cx));
        Poll::Ready(item.map(|item| item.map(&mut this.change)))
    }
}

pub(super) struct Recover<F> {
    pub(super) inner: Reply,
    pub(super) answer: Option<F>,
}

impl<F> Unpin for Recover<F> {}

impl<F: FnOnce(Error) -> Option<JsonRpcMessage>> Stream for Recover<F> {
    type Item = Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        let this = self.get_mut();
        Poll::Ready(match ready!(this.inner.poll_message(cx)) {
            Some(Err(error)) => this.answer.take().and_then(|answer| answer(error)).map(Ok),
            item => item,
        })
    }
}

pub(super) struct Inspect<F: FnMut(Event<'_>)> {
    inner: Reply,
    /// Gone once the end was shown.
    see: Option<F>,
}

impl<F: FnMut(Event<'_>)> Inspect<F> {
    pub(super) fn new(inner: Reply, see: F) -> Self {
        Self { inner, see: Some(see) }
    }

    fn end(&mut self, end: End<'_>) {
        if let Some(mut see) = self.see.take() {
            see(Event::End(end));
        }
    }
}

impl<F: FnMut(Event<'_>)> Unpin for Inspect<F> {}

impl<F: FnMut(Event<'_>)> Stream for Inspect<F> {
    type Item = Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        let this = self.get_mut();
        let item = ready!(this.inner.poll_message(cx));
        match &item {
            Some(Ok(message)) => {
                if let Some(see) = &mut this.see {
                    see(Event::Message(message));
                }
                if this.inner.is_end() {
                    this.end(End::Complete);
                }
            }
            Some(Err(error)) => this.end(End::Failed(error)),
            None => this.end(End::Complete),
        }
        Poll::Ready(item)
    }
}

impl<F: FnMut(Event<'_>)> Drop for Inspect<F> {
    fn drop(&mut self) {
        self.end(End::Dropped);
    }
}
