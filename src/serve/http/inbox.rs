//! HTTP+SSE, of 2024-11-05: a stream is a session, and what its client posts comes by another way.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::events::{Said, Source, event};
use super::front::Front;
use super::live::facts;
use super::stack::BoxStack;
use crate::error::{BoxError, Error};
use crate::message::{JsonRpcMessage, Kind, OwnedId};
use crate::protocol::method;
use crate::reply::failure;
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
    closed: Option<Error>,
    /// Takes no request more, and is closed once those that it took are answered.
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
        let is_late = posted.draining && message.kind() == Kind::Request;
        let closed = is_late || posted.closed.is_some();
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
        self.lock().closed.is_some()
    }

    /// Ends the session.
    pub(super) fn close(&self, why: &Error) {
        let mut posted = self.lock();
        posted.closed.get_or_insert_with(|| why.clone());
        let reader = posted.reader.take();
        drop(posted);
        reader.into_iter().for_each(Waker::wake);
    }

    /// The next message, or why it is closed.
    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Result<JsonRpcMessage, Error>> {
        let mut posted = self.lock();
        if let Some(closed) = &posted.closed {
            return Poll::Ready(Err(closed.clone()));
        }
        if let Some(message) = posted.messages.pop_front() {
            posted.bytes -= message.bytes().len();
            return Poll::Ready(Ok(message));
        }
        posted.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// What was posted and never taken.
    fn take_rest(&self) -> VecDeque<JsonRpcMessage> {
        std::mem::take(&mut self.lock().messages)
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
    /// The id of the client's `initialize`, until it is answered.
    opens: Option<OwnedId>,
    is_over: bool,
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
        let facts = facts(&session).transport("http+sse");
        Self {
            dispatch: Dispatch::beside_facts(stack, facts, front.options.max_in_flight)
                .on_refused(front.options.on_refused.clone()),
            _in_use: session.enter(),
            endpoint: Some(Event {
                name: Some("endpoint".to_owned()),
                data: endpoint.into(),
                ..Event::default()
            }),
            said: VecDeque::new(),
            opens: None,
            is_over: false,
            front,
            session,
            inbox,
        }
    }
}

impl TwoEndpoints {
    fn accept(&mut self, message: JsonRpcMessage, cx: &mut Context<'_>) {
        if message.kind() == Kind::Request && message.is_method(method::INITIALIZE) {
            self.session.asked(&message);
            self.opens = message.owned_id();
        }
        self.dispatch.accept(message, cx);
    }

    fn agree(&mut self, said: &JsonRpcMessage) {
        if said.result().is_some() && self.opens.as_ref().is_some_and(|id| said.has_id(id)) {
            self.session.agreed(said);
            self.opens = None;
        }
    }

    /// Every request that was taken in is answered.
    fn fail(&mut self, why: &Error, cx: &mut Context<'_>) {
        self.is_over = true;
        self.dispatch.fail(why);
        self.poll_said(cx);
        let error: BoxError = why.clone().into();
        let posted = self.inbox.take_rest();
        let unheard = posted.iter().filter_map(|message| failure(&message.responder(), &error));
        self.said.extend(unheard);
    }

    fn poll_said(&mut self, cx: &mut Context<'_>) {
        let said = &mut self.said;
        self.dispatch.poll(cx, |message| said.push_back(message));
    }
}

impl Source for TwoEndpoints {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Said>> {
        if let Some(endpoint) = self.endpoint.take() {
            self.dispatch.listen(cx);
            return Poll::Ready(Some(endpoint.into()));
        }
        loop {
            if let Some(message) = self.said.pop_front() {
                self.agree(&message);
                let mut said = event(None, &message);
                said.event.name = Some("message".to_owned());
                return Poll::Ready(Some(said));
            }
            if self.is_over {
                return Poll::Ready(None);
            }
            let posted = self.inbox.poll_next(cx);
            let is_taken = posted.is_ready();
            match posted {
                Poll::Ready(Ok(message)) => self.accept(message, cx),
                Poll::Ready(Err(closed)) => self.fail(&closed, cx),
                Poll::Pending => {}
            }
            self.poll_said(cx);
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
