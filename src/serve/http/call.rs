//! One message in a stack, and what comes back.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll, Waker, ready};

use super::calls::Ticket;
use super::facts::Facts;
use super::live::Live;
use super::outcome::{Failed, Next};
use super::phase::{Ended, Phase};
use super::trail::Trail;
use super::turns::Turn;
use crate::error::Error;
use crate::message::{Context, JsonRpcMessage, Kind, OwnedId, Responder};
use crate::protocol::{Era, ProtocolVersion, method};
use crate::reply::Upstream;
use crate::session::ResponseMode;

/// One message in a stack. Whoever writes the response reads it; it can be ended from elsewhere at any time.
pub(super) struct Call {
    pub(super) responder: Responder,
    /// Its response may take for ever.
    pub(super) is_listen: bool,
    /// Of what session, where there is one.
    pub(super) live: Option<Arc<Live>>,
    /// It is the `initialize` of that session.
    opens: bool,
    /// What is spoken in front of the stack, where the response may say otherwise.
    pub(super) spoken: Option<Arc<[ProtocolVersion]>>,
    /// It asks what is spoken.
    pub(super) discovers: bool,
    pub(super) era: Era,
    /// Its client has gone, and it goes on.
    pub(super) is_left: AtomicBool,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) ticket: Option<Ticket>,
    /// Of the reply, once it is there.
    pub(super) facts: Facts,
    /// Where what comes is kept, for a client that comes back.
    trail: Option<Trail>,
    pub(super) reader: Option<Waker>,
    /// Another reader has it now.
    owner: u32,
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
            spoken: None,
            discovers: message.is_method(method::DISCOVER),
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

    /// Its response says of no other revisions.
    pub(super) fn speaking(self, spoken: &Arc<[ProtocolVersion]>) -> Self {
        Self { spoken: Some(spoken.clone()), ..self }
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
