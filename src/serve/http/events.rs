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
use crate::wire::fault;
use crate::wire::sse::Event;

/// An event, and what is to go wrong with it.
pub(super) struct Said {
    pub(super) event: Event,
    pub(super) mark: Option<fault::Mark>,
}

impl From<Event> for Said {
    fn from(event: Event) -> Self {
        Self { event, mark: None }
    }
}

/// The events of one response.
pub(super) trait Source: Send {
    /// The next event; `None` at the end of the stream.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Said>>;
}

/// The one who reads a call: what comes of it goes to the client.
///
/// Dropped early, it cancels the call, unless the call belongs to a session: then it goes on (2025-11-25
/// basic/transports, "disconnection should not be interpreted as the client cancelling its request").
pub(super) struct Reading {
    call: Arc<Call>,
    owner: u32,
    /// What comes first: a place to come back to, or what was missed.
    missed: VecDeque<Said>,
    /// What decided how the response is written.
    first: VecDeque<Next>,
    wanted: Option<ResponseStream>,
    /// The client knows where to take it up.
    is_left: bool,
    over: bool,
}

impl Reading {
    pub(super) fn new(call: Arc<Call>, wanted: Option<ResponseStream>) -> Self {
        let (missed, first) = (VecDeque::new(), VecDeque::new());
        Self { call, owner: 0, missed, first, wanted, is_left: false, over: false }
    }

    /// The one who takes a call up, behind what was missed of it.
    pub(super) fn resumed(call: Arc<Call>, owner: u32, missed: VecDeque<Said>) -> Self {
        Self { call, owner, missed, first: VecDeque::new(), wanted: None, is_left: false, over: false }
    }

    pub(super) fn call(&self) -> &Call {
        &self.call
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let next = match self.first.pop_front() {
            Some(first) => first,
            None => ready!(self.call.poll_next(self.owner, cx)),
        };
        self.over |= matches!(next, Next::Last(..) | Next::Failed(_) | Next::End);
        Poll::Ready(next)
    }

    /// Puts back what was read, so that it is the first event.
    pub(super) fn unread(&mut self, next: Next) {
        self.over = false;
        self.first.push_back(next);
    }

    /// Gives the events ids, and if `prime` is set an event in front that has nothing else.
    pub(super) fn leave(&mut self, trail: Trail, prime: bool) {
        self.missed.extend(prime.then(|| trail.priming().into()));
        self.first.iter_mut().for_each(|next| next.keep(Some(&trail)));
        trail.lead_to(&self.call);
        self.call.leave(trail);
        self.is_left = prime;
    }

    /// The client is to come back for the rest.
    fn is_closed(&self, cx: &Context<'_>) -> bool {
        let wanted = self.wanted.as_ref().filter(|_| self.is_left);
        wanted.is_some_and(|wanted| wanted.poll_closed(cx).is_ready())
    }
}

impl Source for Reading {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Said>> {
        if let Some(missed) = self.missed.pop_front() {
            return Poll::Ready(Some(missed));
        }
        loop {
            if self.over {
                return Poll::Ready(None);
            }
            let next = match self.poll_next(cx) {
                Poll::Ready(next) => next,
                Poll::Pending if self.is_closed(cx) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            };
            let event = match next {
                Next::Open => continue,
                Next::Message(message, id) | Next::Last(message, id) => Some(event(id, &message)),
                Next::Failed(failed) => failed.answer.map(|answer| event(failed.event, &answer)),
                Next::End => None,
            };
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
        // A listen would go on for ever, and no older revision has one.
        if self.call.era == Era::Modern || self.call.is_listen {
            return self.call.abandon();
        }
        for next in self.first.drain(..) {
            if let Next::Message(message, None) = next
                && message.kind() == Kind::Request
                && let Some(live) = &self.call.live
            {
                live.refuse(&message, "nobody is there to answer");
            }
        }
        drain::spawn(self.call.clone(), self.owner);
    }
}

/// A stream of what the server says unasked.
pub(super) struct Listening {
    live: Arc<Live>,
    number: u64,
    /// What was missed on the stream that this one takes up.
    missed: VecDeque<Said>,
    trail: Option<Trail>,
    over: bool,
    _in_use: InUse,
}

impl Listening {
    /// `None` where there are too many streams. `missed` is asked for once nobody else has the stream.
    pub(super) fn new(
        live: Arc<Live>,
        trail: Option<Trail>,
        missed: impl FnOnce(Option<&Trail>) -> VecDeque<Said>,
    ) -> Option<Self> {
        let stream = trail.as_ref().map(Trail::stream);
        let (number, missed) = live.listen.join(stream, || missed(trail.as_ref()))?;
        let _in_use = live.session.enter();
        Some(Self { live, number, missed, trail, over: false, _in_use })
    }
}

impl Source for Listening {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Said>> {
        if let Some(missed) = self.missed.pop_front() {
            return Poll::Ready(Some(missed));
        }
        if self.over {
            return Poll::Ready(None);
        }
        let next = ready!(self.live.listen.poll_next(&self.live, self.number, self.trail.as_ref(), cx));
        self.over = next.is_none();
        Poll::Ready(next.map(|(id, message)| event(id, &message)))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.live.listen.leave(self.number);
    }
}

/// What is kept of a response that is over.
pub(super) struct Missed(pub(super) VecDeque<Said>);

impl Source for Missed {
    fn poll_event(&mut self, _: &mut Context<'_>) -> Poll<Option<Said>> {
        Poll::Ready(self.0.pop_front())
    }
}

/// The event that carries a message, and its id where it is kept.
pub(super) fn event(id: Option<EventId>, message: &JsonRpcMessage) -> Said {
    let mut event = Event::message(message);
    event.id = id.map(|id| id.to_string());
    Said { event, mark: fault::of(message).cloned() }
}
