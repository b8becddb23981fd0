//! The session's listen: it outlives the leaf that feeds it, unless the session itself is lost.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::call::Handle;
use super::questions;
use super::state::Phase;
use crate::connect::leaf::Leaf;
use crate::error::Error;
use crate::message::JsonRpcMessage;
use crate::reply::Reply;

/// One reader for every leaf that there will be.
struct Listen<L: Leaf> {
    handle: Arc<Handle<L>>,
    number: u64,
    /// Sessions that were lost before it was opened: they are none of its own.
    losses: u64,
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
    let (number, losses) = {
        let mut state = handle.0.lock();
        (state.new_listen(), state.stats.lost_sessions)
    };
    let source = Source::After(0);
    Reply::stream(Listen { handle: handle.clone(), number, losses, request, source })
}

impl<L: Leaf> Listen<L> {
    /// A leaf that has not been asked yet.
    fn poll_leaf(&mut self, last: u64, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        let mut state = self.handle.0.lock();
        if state.stats.lost_sessions != self.losses {
            let why = "the server was restarted and does not know this session";
            return Poll::Ready(Err(Error::session_lost(why)));
        }
        match &state.phase {
            Phase::Open(leaf) if state.generation > last => {
                self.source = Source::Ready(state.generation, leaf.clone());
                Poll::Ready(Ok(()))
            }
            Phase::Closed(error) => Poll::Ready(Err(error.clone())),
            Phase::Open(_) | Phase::Starting => {
                state.await_news(self.number, cx);
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
                    Some(Ok(message)) => return Poll::Ready(Ok(questions::ask(message, *generation))),
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

    /// What the supervisor itself has to tell the client.
    fn next_news(&self, cx: &Context<'_>) -> Option<JsonRpcMessage> {
        let mut state = self.handle.0.lock();
        let next = state.news.pop_front();
        if next.is_none() {
            state.await_news(self.number, cx);
        }
        next
    }
}

impl<L: Leaf> Stream for Listen<L> {
    type Item = Result<JsonRpcMessage, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(news) = self.next_news(cx) {
            return Poll::Ready(Some(Ok(news)));
        }
        self.poll_source(cx).map(Some)
    }
}

impl<L: Leaf> Drop for Listen<L> {
    fn drop(&mut self) {
        let waker = self.handle.0.lock().forget_listen(self.number);
        drop(waker);
    }
}

impl<L: Leaf> Unpin for Listen<L> {}
