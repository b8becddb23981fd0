//! A reply that is a stream: what the server says to one call.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::pending::Pending;
use super::questions::Asked;
use crate::connect::leaf::Leaf;
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::{method, peek};
use crate::reply::Reply;

pub(super) struct Items<L: Leaf> {
    reply: Reply,
    /// Gone once the reply is over.
    call: Option<Pending<L>>,
}

impl<L: Leaf> Items<L> {
    pub(super) fn new(reply: Reply, call: Pending<L>) -> Self {
        Self { reply, call: Some(call) }
    }

    /// The message as the client may see it; `None` where it is not to.
    fn pass(&mut self, message: JsonRpcMessage) -> Option<JsonRpcMessage> {
        let call = self.call.as_mut()?;
        let client = call.member().id;
        match message.kind() {
            Kind::Response if message.id().is_some() => call.answered(&message),
            Kind::Request => {
                let mut state = call.member().core().lock();
                if !state.running.is_only(client) {
                    state.refuse_or_pong(&message);
                    return None;
                }
                return state.ask(client, Asked::Call, &message).then_some(message);
            }
            Kind::Notification if message.is_method(method::LOG) => {
                let mut state = call.member().core().lock();
                if !state.running.is_only(client) {
                    state.drop_notification(&message);
                    return None;
                }
                return state.wants_log(client, &message).then_some(message);
            }
            Kind::Notification => {
                if let Ok(Some(withdrawn)) = peek::cancelled_id(&message) {
                    let withdrawn = withdrawn.to_owned();
                    call.member().core().lock().questions.take(&withdrawn, client);
                }
            }
            Kind::Response => {}
        }
        Some(call.restore(message))
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<JsonRpcMessage, Error>>> {
        loop {
            let Some(call) = &mut self.call else { return Poll::Ready(None) };
            if let Some(why) = call.stopped() {
                self.cancel();
                return Poll::Ready(Some(Err(why)));
            }
            let item = match self.reply.poll_message(cx) {
                Poll::Pending => {
                    call.watch(cx.waker());
                    return Poll::Pending;
                }
                Poll::Ready(item) => item,
            };
            match item {
                Some(Ok(message)) => {
                    if let Some(message) = self.pass(message) {
                        return Poll::Ready(Some(Ok(message)));
                    }
                }
                Some(Err(error)) => {
                    call.fail(&error);
                    self.call = None;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    self.call = None;
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn cancel(&mut self) {
        let reply = std::mem::replace(&mut self.reply, Reply::empty());
        match self.call.take() {
            Some(mut call) => call.cancel(|| drop(reply)),
            None => drop(reply),
        }
    }
}

impl<L: Leaf> Stream for Items<L> {
    type Item = Result<JsonRpcMessage, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(ready!(self.get_mut().poll_item(cx)))
    }
}

/// Nothing in it is pinned in place.
impl<L: Leaf> Unpin for Items<L> {}

impl<L: Leaf> Drop for Items<L> {
    fn drop(&mut self) {
        self.cancel();
    }
}
