//! Where the events of a response come from.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::call::Call;
use super::drain;
use super::live::Live;
use super::outcome::Next;
use super::replay::EventId;
use super::trail::Trail;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::Era;
use crate::session::{InUse, ResponseStream};
use crate::wire::sse::Event;

/// The events of one response.
pub(super) trait Source: Send {
    /// The next event; `None` at the end of the stream.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>>;
}

/// The one who reads a call: what comes of it goes to the client.
///
/// Dropped early, it cancels the call, unless the call belongs to a session: then it goes on (2025-11-25
/// basic/transports, "disconnection should not be interpreted as the client cancelling its request").
pub(super) struct Reading {
    call: Arc<Call>,
    owner: u32,
    /// What decided how the response is written.
    first: VecDeque<Next>,
    prime: bool,
    trail: Option<Trail>,
    wanted: Option<ResponseStream>,
    over: bool,
}

impl Reading {
    pub(super) fn new(call: Arc<Call>, wanted: Option<ResponseStream>) -> Self {
        Self { call, owner: 0, first: VecDeque::new(), prime: false, trail: None, wanted, over: false }
    }

    pub(super) fn call(&self) -> &Call {
        &self.call
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let next = match self.first.pop_front() {
            Some(first) => first,
            None => ready!(self.call.poll_next(self.owner, cx)),
        };
        self.over |= matches!(next, Next::Last(_) | Next::Failed(_) | Next::End);
        Poll::Ready(next)
    }

    /// Puts back what was read, so that it is the first event.
    pub(super) fn unread(&mut self, next: Next) {
        self.over = false;
        self.first.push_back(next);
    }

    /// Gives the events ids, and if `prime` is set an event in front that has nothing else.
    pub(super) fn leave(&mut self, trail: Trail, live: &Live, prime: bool) {
        live.replay.set_call(trail.stream(), Arc::downgrade(&self.call));
        (self.trail, self.prime) = (Some(trail), prime);
    }

    /// The client is to come back for the rest; it can where the events have ids.
    fn is_left(&self, cx: &Context<'_>) -> bool {
        let wanted = self.wanted.as_ref().filter(|_| self.trail.is_some());
        wanted.is_some_and(|wanted| wanted.poll_closed(cx).is_ready())
    }

    fn event(&self, message: &JsonRpcMessage) -> Event {
        match &self.trail {
            Some(trail) => trail.event(message),
            None => Event::message(message),
        }
    }
}

impl Source for Reading {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        if let Some(trail) = self.trail.as_ref().filter(|_| std::mem::take(&mut self.prime)) {
            return Poll::Ready(Some(trail.priming()));
        }
        loop {
            if self.over {
                return Poll::Ready(None);
            }
            let next = match self.poll_next(cx) {
                Poll::Ready(next) => next,
                Poll::Pending if self.is_left(cx) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            };
            let message = match next {
                Next::Open => continue,
                Next::Message(message) | Next::Last(message) => Some(message),
                Next::Failed(failed) => failed.answer,
                Next::End => None,
            };
            let event = message.map(|message| self.event(&message));
            if self.over {
                self.trail = None; // nothing more comes for whoever takes it up
            }
            if event.is_some() || self.over {
                return Poll::Ready(event);
            }
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if self.over && self.first.is_empty() || !self.call.is_owned_by(self.owner) {
            return;
        }
        if self.call.era == Era::Modern {
            return self.call.abandon();
        }
        for next in self.first.drain(..) {
            if let Next::Message(message) = next
                && self.trail.as_ref().and_then(|trail| trail.mark(&message)).is_none()
                && message.kind() == Kind::Request
                && let Some(live) = &self.call.live
            {
                live.refuse(&message, "nobody is there to answer");
            }
        }
        drain::spawn(self.call.clone(), self.owner, self.trail.take());
    }
}

/// A stream of what the server says unasked.
pub(super) struct Listening {
    live: Arc<Live>,
    number: u64,
    /// What was missed on the stream that this one takes up.
    missed: VecDeque<Event>,
    trail: Option<Trail>,
    over: bool,
    _in_use: InUse,
}

impl Listening {
    /// `None` where there are too many streams.
    pub(super) fn new(live: Arc<Live>, missed: VecDeque<Event>, trail: Option<Trail>) -> Option<Self> {
        let number = live.listen.join(trail.as_ref().map(Trail::stream))?;
        let _in_use = live.session.enter();
        Some(Self { live, number, missed, trail, over: false, _in_use })
    }
}

impl Source for Listening {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        if let Some(missed) = self.missed.pop_front() {
            return Poll::Ready(Some(missed));
        }
        if self.over {
            return Poll::Ready(None);
        }
        let message = ready!(self.live.listen.poll_next(&self.live, self.number, cx));
        self.over = message.is_none();
        Poll::Ready(message.map(|message| match &self.trail {
            Some(trail) => trail.event(&message),
            None => Event::message(&message),
        }))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.live.listen.leave(self.number);
    }
}

/// The rest of a response whose first reader has gone.
pub(super) struct Resumed {
    live: Arc<Live>,
    after: EventId,
    _in_use: InUse,
}

impl Resumed {
    pub(super) fn new(live: Arc<Live>, after: EventId) -> Self {
        let _in_use = live.session.enter();
        Self { live, after, _in_use }
    }
}

impl Source for Resumed {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let next = ready!(self.live.replay.poll_next(self.after, cx));
        Poll::Ready(next.map(|(id, message)| {
            self.after = id;
            event(id, &message)
        }))
    }
}

/// The event that carried this message before.
pub(super) fn event(id: EventId, message: &JsonRpcMessage) -> Event {
    let mut event = Event::message(message);
    event.id = Some(id.to_string());
    event
}
