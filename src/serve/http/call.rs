//! One message in a stack, and what comes back.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll, Waker, ready};

use http::StatusCode;

use super::calls::Ticket;
use super::facts::Facts;
use super::live::Live;
use super::outcome::{Failed, Next};
use super::trail::Trail;
use super::turns::Turn;
use crate::error::{BoxError, Error};
use crate::message::{Context, JsonRpcMessage, Kind, OwnedId, Responder};
use crate::protocol::{Era, method, peek};
use crate::reply::{Reply, Upstream, failure};
use crate::session::ResponseMode;
use crate::wire::http::error_status;

/// One message in a stack. Whoever writes the response reads it; it can be ended from elsewhere at any time.
pub(super) struct Call {
    responder: Responder,
    /// Its response may take for ever.
    pub(super) is_listen: bool,
    /// Of what session, where there is one.
    pub(super) live: Option<Arc<Live>>,
    /// It is the `initialize` of that session.
    opens: bool,
    pub(super) era: Era,
    /// Its client has gone, and it goes on.
    pub(super) is_left: AtomicBool,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    ticket: Option<Ticket>,
    /// Of the reply, once it is there.
    facts: Facts,
    /// Where what comes is kept, for a client that comes back.
    trail: Option<Trail>,
    reader: Option<Waker>,
    /// Another reader has it now.
    owner: u32,
}

enum Phase {
    Calling(Turn),
    Reading(Reply),
    /// What the reader has not been told yet.
    Over(Option<Failed>),
}

impl Call {
    pub(super) fn new(
        message: &JsonRpcMessage,
        live: Option<Arc<Live>>,
        era: Era,
        calling: Turn,
        ticket: Ticket,
    ) -> Self {
        let opens = message.kind() == Kind::Request && message.is_method(method::INITIALIZE);
        Self {
            responder: message.responder(),
            is_listen: message.is_listen(),
            opens: opens && live.is_some(),
            live,
            era,
            is_left: AtomicBool::new(false),
            state: Mutex::new(State {
                phase: Phase::Calling(calling),
                ticket: Some(ticket),
                facts: Facts::default(),
                trail: None,
                reader: None,
                owner: 0,
            }),
        }
    }

    /// How the stack wants the reply to be written; known once something has come.
    pub(super) fn mode(&self) -> ResponseMode {
        self.lock().facts.mode
    }

    /// What the server said over HTTP, where the reply is what it said.
    pub(super) fn upstream(&self) -> Option<Box<Upstream>> {
        self.lock().facts.upstream.clone()
    }

    /// The client named a session of ours.
    pub(super) fn is_in_session(&self) -> bool {
        self.live.is_some() && !self.opens
    }

    /// Makes another the reader: earlier ones find the call at its end. Returns what to read with.
    pub(super) fn take_over(&self) -> u32 {
        let mut state = self.lock();
        state.owner += 1;
        self.is_left.store(false, Ordering::Release);
        let reader = state.reader.take();
        let owner = state.owner;
        drop(state);
        reader.into_iter().for_each(Waker::wake);
        owner
    }

    /// Keeps what comes from now on.
    pub(super) fn leave(&self, trail: Trail) {
        let mut state = self.lock();
        if state.ticket.is_some() {
            state.trail = Some(trail);
        }
    }

    /// Whether this reader still has it.
    pub(super) fn is_owned_by(&self, owner: u32) -> bool {
        self.lock().owner == owner
    }

    pub(super) fn poll_next(&self, owner: u32, cx: &mut task::Context<'_>) -> Poll<Next> {
        let (next, ended) = {
            let mut state = self.lock();
            if state.owner != owner {
                return Poll::Ready(Next::End);
            }
            let mut next = ready!(self.poll_state(&mut state, cx));
            // Under the lock: who takes the stream up finds whatever was read before.
            next.keep(state.trail.as_ref());
            let is_over = matches!(next, Next::Last(..) | Next::Failed(_) | Next::End);
            (next, is_over.then(|| state.end(None)))
        };
        // Without the lock: what follows may end every call of the session, this one too.
        ended.into_iter().for_each(Ended::release);
        if let Some(live) = &self.live {
            match &next {
                Next::Last(answer, _) if self.opens => live.opened(answer),
                Next::Failed(failed) => live.failed(&failed.error, self.opens),
                _ => {}
            }
        }
        Poll::Ready(next)
    }

    fn poll_state(&self, state: &mut State, cx: &mut task::Context<'_>) -> Poll<Next> {
        loop {
            let polled = catch_unwind(AssertUnwindSafe(|| state.phase.poll(cx)));
            let step = match polled {
                Ok(Poll::Ready(step)) => step,
                Ok(Poll::Pending) => {
                    state.reader = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                Err(_) => Step::Failed("a layer panicked".into()),
            };
            let next = match step {
                Step::Replied(reply) => {
                    state.facts = Facts::of(reply.extensions());
                    state.phase = Phase::Reading(reply);
                    self.is_listen.then_some(Next::Open)
                }
                Step::Said(message) => match (self.said(message), state.facts.caught.take()) {
                    (Some(Next::Last(answer, _)), Some(error)) => {
                        Some(Next::Failed(self.answered(error.into(), Some(answer))))
                    }
                    (next, caught) => {
                        state.facts.caught = caught;
                        next
                    }
                },
                Step::Failed(error) => Some(Next::Failed(self.failed(error))),
                Step::Told(failed) => Some(Next::Failed(failed)),
                Step::Ended if self.responder.id().is_some() && state.ticket.is_some() => {
                    let error = Error::closed("a reply ended without a response");
                    Some(Next::Failed(self.failed(error.into())))
                }
                Step::Ended => Some(match state.facts.caught.take() {
                    Some(error) => Next::Failed(self.answered(error.into(), None)),
                    None => Next::End,
                }),
            };
            if let Some(next) = next {
                return Poll::Ready(next);
            }
        }
    }

    /// One message of the reply; `None` where it is for nobody.
    fn said(&self, message: JsonRpcMessage) -> Option<Next> {
        let answers = message.kind() == Kind::Response && message.id().is_some();
        let Some(id) = self.responder.id() else {
            tracing::debug!(?message, "nobody waits for this message");
            return answers.then_some(Next::End);
        };
        if answers {
            return Some(match message.has_id(id) {
                true => Next::Last(message, None),
                false => {
                    Next::Failed(self.failed(Error::invalid("the stack answered with another id").into()))
                }
            });
        }
        if self.is_listen
            && peek::cancelled_id(&message).ok().flatten().is_some_and(|named| named.to_owned() == *id)
        {
            return Some(Next::Last(message, None)); // so a server ends a listen
        }
        match &self.live {
            Some(live) => live.tells(&message).then_some(Next::Message(message, None)),
            None if message.kind() == Kind::Request => {
                // Servers of that era never ask so, and without a session nobody could answer.
                tracing::warn!(method = message.method(), "a question of the server was dropped");
                None
            }
            None => Some(Next::Message(message, None)),
        }
    }

    fn failed(&self, error: BoxError) -> Failed {
        let answer = failure(&self.responder, &error);
        self.answered(error, answer)
    }

    /// A failure that this is the answer to.
    fn answered(&self, error: BoxError, answer: Option<JsonRpcMessage>) -> Failed {
        let status = error.downcast_ref().map_or(StatusCode::BAD_GATEWAY, error_status);
        let lost = status == StatusCode::NOT_FOUND && self.live.is_none();
        Failed {
            // Without a session, 404 would say that there is no such method.
            status: if lost { StatusCode::BAD_GATEWAY } else { status },
            answer,
            event: None,
            error,
        }
    }

    /// The client's own cancellation: nothing more comes, and the connector forwards the message.
    pub(super) fn cancel(&self, facts: &Context, id: &OwnedId, message: JsonRpcMessage) {
        facts.leave_cancellation(id.clone(), message);
        self.end(None);
        facts.take_cancellation(id); // nobody below forwards it
    }

    /// Drops the call, which cancels it if it is not over.
    pub(super) fn abandon(&self) {
        self.end(None);
    }

    /// Ends the call with one error, if it is not over.
    pub(super) fn fail(&self, why: &Error) {
        self.end(Some(why));
    }

    fn end(&self, why: Option<&Error>) {
        let mut state = self.lock();
        if state.ticket.is_none() {
            return;
        }
        let mut failed = why.map(|why| self.failed(why.clone().into()));
        if let Some(failed) = &mut failed {
            failed.keep(state.trail.as_ref());
        }
        let ended = state.end(failed);
        let reader = state.reader.take();
        drop(state);
        ended.release();
        reader.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What it returns is released without the lock.
    fn end(&mut self, untold: Option<Failed>) -> Ended {
        let phase = mem::replace(&mut self.phase, Phase::Over(untold));
        Ended { phase, ticket: self.ticket.take(), trail: self.trail.take() }
    }
}

/// What a call held.
#[must_use = "it is released without the lock of its call"]
struct Ended {
    phase: Phase,
    ticket: Option<Ticket>,
    trail: Option<Trail>,
}

impl Ended {
    fn release(self) {
        let Self { phase, ticket, trail } = self;
        // A panic while something of a layer is dropped must not take others with it.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(phase)));
        drop((ticket, trail));
    }
}

enum Step {
    Replied(Reply),
    Said(JsonRpcMessage),
    Failed(BoxError),
    Told(Failed),
    Ended,
}

impl Phase {
    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Step> {
        Poll::Ready(match self {
            Self::Calling(calling) => match ready!(Pin::new(calling).poll(cx)) {
                Ok(reply) => Step::Replied(reply),
                Err(error) => Step::Failed(error),
            },
            Self::Reading(reply) => match ready!(reply.poll_message(cx)) {
                Some(Ok(message)) => Step::Said(message),
                Some(Err(error)) => Step::Failed(error.into()),
                None => Step::Ended,
            },
            Self::Over(untold) => untold.take().map_or(Step::Ended, Step::Told),
        })
    }
}
