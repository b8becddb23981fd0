//! The session's listen: what a legacy server says unasked. A modern one says nothing there.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::options::{Options, Transport};
use super::questions::{Asked, Asking};
use super::state::{Handle, Shared};
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::{Era, peek};
use crate::reply::{Reply, ReplySender, TrySendError};

pub(super) struct Listen {
    /// Where it goes; nowhere once a listener has gone.
    sender: Option<ReplySender>,
    /// The same queue's other end, until somebody listens.
    kept: Option<Reply>,
    pub(super) number: u64,
}

/// Whose drop ends the listen. Keeps the session open.
struct Guard {
    handle: Arc<Handle>,
    number: u64,
}

/// A listen before it is known how the server is spoken to.
struct Listening {
    opening: Option<Opening>,
    reply: Reply,
}

type Opening = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

/// Opens the listen; there is one at a time.
pub(super) fn open(handle: &Arc<Handle>, request: JsonRpcMessage) -> Result<Reply, Error> {
    let shared = &handle.0;
    let mut state = shared.lock();
    let listen = &mut state.listen;
    let queue = match (listen.kept.take(), &listen.sender) {
        (Some(kept), _) => kept,
        (None, Some(_)) => return Err(Error::busy("another session listens").unsent()),
        (None, None) => listen.renew(&shared.options),
    };
    let guard = Guard { handle: handle.clone(), number: listen.number };
    drop(state);
    let opening = Some(Box::pin(source(shared.clone(), request, queue)) as Opening);
    Ok(Reply::stream(Listening { opening, reply: Reply::empty() }).hold(guard))
}

/// The stream itself, once the transport is known; before that the server can say nothing.
async fn source(shared: Arc<Shared>, request: JsonRpcMessage, queue: Reply) -> Result<Reply, Error> {
    let mut known = shared.transport.subscribe();
    let known = shared.unless_ended(async {
        let known = known.wait_for(Option::is_some).await.ok().and_then(|known| *known);
        known.ok_or_else(|| Error::closed("every caller is gone"))
    });
    match (known.await?, shared.pipe.get()) {
        (Transport::Sse, Some(pipe)) => tower_service::Service::call(&mut pipe.clone(), request).await,
        _ => Ok(queue),
    }
}

impl Stream for Listening {
    type Item = Result<JsonRpcMessage, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(opening) = &mut self.opening {
            match ready!(opening.as_mut().poll(cx)) {
                Ok(reply) => (self.opening, self.reply) = (None, reply),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        Pin::new(&mut self.reply).poll_next(cx)
    }
}

impl Listen {
    pub(super) fn new(options: &Options) -> Self {
        let mut listen = Self { sender: None, kept: None, number: 0 };
        listen.kept = Some(listen.renew(options));
        listen
    }

    fn renew(&mut self, options: &Options) -> Reply {
        let (sender, reply) = Reply::channel_of(options.queue_messages, options.queue_bytes);
        self.sender = Some(sender);
        reply
    }

    /// Nothing is kept or told from now on; the next listen has another number.
    pub(super) fn close(&mut self) -> Option<ReplySender> {
        self.kept = None;
        self.number += 1;
        self.sender.take()
    }

    /// Gives back what nobody takes; an error where it comes too fast for whoever listens.
    fn push(&mut self, message: JsonRpcMessage) -> Result<(), (JsonRpcMessage, Option<ReplySender>)> {
        let Some(sender) = &self.sender else { return Err((message, None)) };
        match sender.try_send(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(message)) if self.kept.is_none() => Err((message, self.close())),
            Err(TrySendError::Full(message) | TrySendError::Cancelled(message)) => Err((message, None)),
        }
    }
}

impl Shared {
    /// What the server said on the session's own stream.
    pub(super) fn say_unasked(self: &Arc<Self>, message: JsonRpcMessage) {
        let mut state = self.lock();
        let asked = Asked::Listen(state.listen.number);
        match message.kind() {
            Kind::Response => {
                state.stats.unmatched_replies += 1;
                return tracing::debug!(?message, "a reply that nobody waits for was dropped");
            }
            Kind::Request if state.era == Some(Era::Modern) => {
                state.stats.unanswerable_requests += 1;
                return tracing::warn!(?message, "a request of a modern server was dropped");
            }
            Kind::Request => match message.owned_id().map(|id| state.questions.ask(&id, asked)) {
                Some(Asking::New) => {}
                Some(Asking::TooMany) => {
                    drop(state);
                    return self.refuse(message.owned_id().into_iter().collect());
                }
                _ => {
                    state.stats.repeated_messages += 1;
                    return tracing::debug!(?message, "a question that was asked before was dropped");
                }
            },
            Kind::Notification => state.questions.withdraw(&message),
        }
        // It may wait for long, and must not keep what it was read with.
        let Err((message, overflown)) = state.listen.push(message.detach()) else { return };
        let lost = message.owned_id().filter(|id| state.questions.close(id));
        state.stats.overflows += u64::from(overflown.is_some());
        state.stats.dropped_notifications += u64::from(message.kind() == Kind::Notification);
        drop(state);
        if let Some(sender) = overflown {
            sender.fail(Error::overflow("the session's listener is too slow"));
        }
        tracing::debug!(?message, "a message that nobody listens for was dropped");
        self.refuse(lost.into_iter().collect());
    }
}

impl super::questions::Questions {
    /// The server does not want an answer any more.
    pub(super) fn withdraw(&mut self, message: &JsonRpcMessage) {
        if let Ok(Some(id)) = peek::cancelled_id(message) {
            self.close(&id.to_owned());
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut state = self.handle.0.lock();
        let sender = (state.listen.number == self.number).then(|| state.listen.close());
        let lost = state.questions.give_up(Asked::Listen(self.number));
        drop(state);
        drop(sender);
        self.handle.0.refuse(lost);
    }
}
