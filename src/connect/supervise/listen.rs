//! The session's listen: it outlives the leaf that feeds it, unless the session itself is lost.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::service::Handle;
use super::state::{Phase, Shared};
use crate::connect::leaf::Leaf;
use crate::error::Error;
use crate::message::JsonRpcMessage;
use crate::reply::Reply;

/// One reader for every leaf that there will be.
struct Listen<L: Leaf> {
    handle: Arc<Handle<L>>,
    request: JsonRpcMessage,
    source: Source<L>,
}

enum Source<L: Leaf> {
    /// The leaf of this generation has nothing more to say.
    After(u64),
    /// Asked, and not open yet.
    Ready(u64, L),
    Opening(u64, Pin<Box<L::Future>>),
    Open(u64, Reply),
}

/// Resolves at once: the listen is open whether or not there is a leaf now.
pub(super) fn open<L: Leaf>(handle: &Arc<Handle<L>>, request: JsonRpcMessage) -> Reply {
    Reply::stream(Listen { handle: handle.clone(), request, source: Source::After(0) })
}

impl<L: Leaf> Listen<L> {
    /// A leaf that has not been asked yet.
    fn poll_leaf(&mut self, last: u64, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut state = self.handle.0.lock();
        if state.session.is_lost() {
            return Poll::Ready(Err(Error::session_lost(
                "the server was restarted and does not know this session",
            )));
        }
        match &state.phase {
            Phase::Open(leaf) if state.generation > last => {
                self.source = Source::Ready(state.generation, leaf.clone());
                Poll::Ready(Ok(()))
            }
            Phase::Closed(error) => Poll::Ready(Err(error.clone())),
            Phase::Open(_) | Phase::Starting => {
                state.await_news(cx);
                Poll::Pending
            }
        }
    }

    /// What the leaf says, or why it says no more.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Result<JsonRpcMessage, Error>> {
        loop {
            let (generation, end) = match &mut self.source {
                Source::After(last) => {
                    let last = *last;
                    ready!(self.poll_leaf(last, cx))?;
                    continue;
                }
                Source::Ready(generation, leaf) => match ready!(leaf.poll_ready(cx)) {
                    Ok(()) => {
                        let future = Box::pin(leaf.call(self.request.clone()));
                        self.source = Source::Opening(*generation, future);
                        continue;
                    }
                    Err(error) => (*generation, error),
                },
                Source::Opening(generation, future) => match ready!(future.as_mut().poll(cx)) {
                    Ok(reply) => {
                        self.source = Source::Open(*generation, reply);
                        continue;
                    }
                    Err(error) => (*generation, error),
                },
                Source::Open(generation, reply) => match ready!(reply.poll_message(cx)) {
                    Some(Ok(message)) => return Poll::Ready(Ok(message)),
                    Some(Err(error)) => (*generation, error),
                    None => (*generation, Error::closed("the server ended the listen")),
                },
            };
            if !end.is_closed() {
                return Poll::Ready(Err(end));
            }
            self.source = Source::After(generation);
        }
    }
}

impl<L: Leaf> Stream for Listen<L> {
    type Item = Result<JsonRpcMessage, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(news) = next_news(&self.handle.0, cx) {
            return Poll::Ready(Some(Ok(news)));
        }
        self.poll_source(cx).map(Some)
    }
}

/// What the supervisor itself has to tell the client.
fn next_news<L: Leaf>(shared: &Shared<L>, cx: &Context<'_>) -> Option<JsonRpcMessage> {
    let mut state = shared.lock();
    let news: &mut VecDeque<JsonRpcMessage> = &mut state.news;
    let next = news.pop_front();
    if next.is_none() {
        state.await_news(cx);
    }
    next
}

impl<L: Leaf> Unpin for Listen<L> {}
