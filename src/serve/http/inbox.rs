//! HTTP+SSE, of 2024-11-05: a stream is a session, and what its client posts comes by another way.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::events::Source;
use super::front::Front;
use super::live::facts;
use super::stack::BoxStack;
use crate::error::Error;
use crate::message::JsonRpcMessage;
use crate::serve::dispatch::Dispatch;
use crate::session::{InUse, Session};
use crate::wire::sse::Event;

/// Bytes of posted messages that the stream has not taken yet; more are refused.
const WAITING: usize = 8 << 20;

/// What a client posted, until its stream takes it.
pub(super) struct Inbox {
    max: usize,
    posted: Mutex<Posted>,
}

#[derive(Default)]
struct Posted {
    messages: VecDeque<JsonRpcMessage>,
    bytes: usize,
    reader: Option<Waker>,
    closed: bool,
    /// Takes nothing more, and is closed once what it took is answered.
    draining: bool,
}

/// Too much waits in it, or it is closed.
#[derive(Debug)]
pub(super) struct NotTaken {
    pub(super) closed: bool,
}

impl Inbox {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, posted: Mutex::default() })
    }

    pub(super) fn put(&self, message: JsonRpcMessage) -> Result<(), NotTaken> {
        let mut posted = self.lock();
        let closed = posted.closed || posted.draining;
        if closed || posted.messages.len() >= self.max || posted.bytes > WAITING {
            return Err(NotTaken { closed });
        }
        posted.bytes += message.bytes().len();
        posted.messages.push_back(message);
        let reader = posted.reader.take();
        drop(posted);
        reader.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Ends the session once every call is answered.
    pub(super) fn drain(&self) {
        let mut posted = self.lock();
        posted.draining = true;
        let reader = posted.reader.take();
        drop(posted);
        reader.into_iter().for_each(Waker::wake);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Ends the session.
    pub(super) fn close(&self) {
        let mut posted = self.lock();
        posted.closed = true;
        posted.messages.clear();
        let reader = posted.reader.take();
        drop(posted);
        reader.into_iter().for_each(Waker::wake);
    }

    /// The next message; `None` once it is closed.
    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<JsonRpcMessage>> {
        let mut posted = self.lock();
        if posted.closed {
            return Poll::Ready(None);
        }
        if let Some(message) = posted.messages.pop_front() {
            posted.bytes -= message.bytes().len();
            return Poll::Ready(Some(message));
        }
        posted.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stream, and with it the session.
pub(super) struct TwoEndpoints {
    front: Arc<Front>,
    session: Arc<Session>,
    inbox: Arc<Inbox>,
    dispatch: Dispatch<BoxStack>,
    /// The first event: where to post to.
    endpoint: Option<Event>,
    said: VecDeque<JsonRpcMessage>,
    _in_use: InUse,
}

impl TwoEndpoints {
    /// `endpoint`: relative, so that it stays right behind any prefix.
    pub(super) fn new(
        front: Arc<Front>,
        session: Arc<Session>,
        inbox: Arc<Inbox>,
        stack: BoxStack,
        endpoint: String,
    ) -> Self {
        Self {
            dispatch: Dispatch::beside_facts(stack, facts(&session), front.options.max_in_flight),
            _in_use: session.enter(),
            endpoint: Some(Event {
                name: Some("endpoint".to_owned()),
                data: endpoint.into(),
                ..Event::default()
            }),
            said: VecDeque::new(),
            front,
            session,
            inbox,
        }
    }
}

impl Source for TwoEndpoints {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        if let Some(endpoint) = self.endpoint.take() {
            self.dispatch.listen(cx);
            return Poll::Ready(Some(endpoint));
        }
        loop {
            if let Some(message) = self.said.pop_front() {
                let mut event = Event::message(&message);
                event.name = Some("message".to_owned());
                return Poll::Ready(Some(event));
            }
            let posted = self.inbox.poll_next(cx);
            let is_taken = posted.is_ready();
            match posted {
                Poll::Ready(Some(message)) => self.dispatch.accept(message, cx),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {}
            }
            let said = &mut self.said;
            self.dispatch.poll(cx, |message| said.push_back(message));
            if self.said.is_empty() && !is_taken {
                let no_more = self.dispatch.upstream_gone().is_some() || self.inbox.lock().draining;
                let is_over = no_more && self.dispatch.in_flight() == 0;
                return if is_over { Poll::Ready(None) } else { Poll::Pending };
            }
        }
    }
}

impl Drop for TwoEndpoints {
    fn drop(&mut self) {
        self.front.end(self.session.key(), &Error::closed("the client closed its stream"));
    }
}
