//! One call under way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::ending::Failure;
use crate::error::BoxError;
use crate::message::{JsonRpcMessage, Kind, OwnedId};
use crate::reply::Reply;

/// Of a call, so many notifications and questions are kept.
pub(super) const MAX_ITEMS: usize = 1_024;

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Purpose {
    /// One of the tape's calls.
    Call(usize),
    /// A notification, or an answer to the server.
    OneWay,
    /// What the server says unasked.
    SessionListen,
    /// A request of our own.
    Own,
}

/// How a call ended.
#[derive(Debug)]
pub(super) enum Live {
    Answered(JsonRpcMessage),
    /// Without an answer.
    Ended,
    Failed(Failure),
    /// By us.
    Left,
}

#[derive(Debug)]
pub(super) enum Event {
    Item(JsonRpcMessage),
    Over(Live),
    /// The channel broke.
    Broke(BoxError),
}

/// What a call leaves behind.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) purpose: Purpose,
    pub(super) id: Option<OwnedId>,
    pub(super) items: Vec<JsonRpcMessage>,
    pub(super) more: u64,
    pub(super) took: Duration,
}

impl Ended {
    /// Of what was never sent.
    pub(super) fn unsent(purpose: Purpose, id: Option<OwnedId>) -> Self {
        Self { purpose, id, items: Vec::new(), more: 0, took: Duration::ZERO }
    }
}

pub(super) struct Active<F> {
    pub(super) purpose: Purpose,
    /// Under which it was sent.
    pub(super) id: Option<OwnedId>,
    items: Vec<JsonRpcMessage>,
    /// Items that were not kept.
    more: u64,
    /// Items that are not compared.
    passed: usize,
    began: Instant,
    stage: Stage<F>,
    timeout: Option<Pin<Box<Sleep>>>,
    limit: Duration,
}

enum Stage<F> {
    Waiting(Pin<Box<F>>),
    Reading(Reply),
}

impl<F, E> Active<F>
where
    F: Future<Output = Result<Reply, E>>,
    E: Into<BoxError>,
{
    pub(super) fn new(purpose: Purpose, id: Option<OwnedId>, future: F, limit: Option<Duration>) -> Self {
        Self {
            purpose,
            id,
            items: Vec::new(),
            more: 0,
            passed: 0,
            began: Instant::now(),
            stage: Stage::Waiting(Box::pin(future)),
            timeout: limit.map(|limit| Box::pin(sleep(limit))),
            limit: limit.unwrap_or_default(),
        }
    }

    /// Drops the call, which cancels it if it is not over.
    pub(super) fn end(self) -> Ended {
        let Self { purpose, id, items, more, began, .. } = self;
        Ended { purpose, id, items, more, took: began.elapsed() }
    }

    /// The reply has begun: a listen is open.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Reading(_))
    }

    /// How many notifications and questions came.
    pub(super) fn heard(&self) -> usize {
        self.compared() + self.passed
    }

    /// How many of them count.
    pub(super) fn compared(&self) -> usize {
        self.items.len() + usize::try_from(self.more).unwrap_or(usize::MAX)
    }

    /// How many of those are held.
    pub(super) fn kept(&self) -> usize {
        self.items.len()
    }

    /// Forgets those that are of a kind, behind so many.
    pub(super) fn forget(&mut self, since: usize, is: impl Fn(&JsonRpcMessage) -> bool) {
        let mut behind = since;
        self.items.retain(|message| match behind.checked_sub(1) {
            Some(left) => {
                behind = left;
                true
            }
            None => !is(message),
        });
    }

    /// What does not count takes no room.
    pub(super) fn keep(&mut self, message: JsonRpcMessage, counts: bool) {
        if !counts {
            self.passed += 1;
        } else if self.items.len() < MAX_ITEMS {
            self.items.push(message.detach());
        } else {
            self.more += 1;
        }
    }

    /// Its time is looked at first: a server that never stops talking is late, too. An answer that is there counts.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let is_late = self.timeout.as_mut().is_some_and(|timeout| timeout.as_mut().poll(cx).is_ready());
        match self.poll_event(cx) {
            over @ Poll::Ready(Event::Over(_) | Event::Broke(_)) => over,
            _ if is_late => {
                let why = format!("there was no answer within {:?}", self.limit);
                Poll::Ready(Event::Over(Live::Failed(Failure::timeout(why))))
            }
            said => said,
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if let Stage::Waiting(future) = &mut self.stage
            && let Poll::Ready(outcome) = future.as_mut().poll(cx)
        {
            match outcome {
                Ok(reply) => self.stage = Stage::Reading(reply),
                Err(error) => return Poll::Ready(Event::Broke(error.into())),
            }
        }
        let Stage::Reading(reply) = &mut self.stage else { return Poll::Pending };
        match ready!(reply.poll_message(cx)) {
            Some(Ok(message)) => Poll::Ready(event(message)),
            Some(Err(error)) => Poll::Ready(Event::Broke(error.into())),
            None => Poll::Ready(Event::Over(Live::Ended)),
        }
    }
}

fn event(message: JsonRpcMessage) -> Event {
    match message.kind() {
        Kind::Response if message.id().is_some() => Event::Over(Live::Answered(message)),
        _ => Event::Item(message),
    }
}
