//! What the reply to a call says, and what that means for the client.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{self, Poll};

use http::StatusCode;

use super::call::{Call, State};
use super::facts::Facts;
use super::outcome::{Failed, Next};
use super::phase::{Phase, Step};
use crate::error::{BoxError, Error};
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::{method, peek};
use crate::reply::failure;
use crate::wire::http::{error_status, speak_only};

impl Call {
    pub(super) fn poll_state(&self, state: &mut State, cx: &mut task::Context<'_>) -> Poll<Next> {
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
            if let Some(next) = self.taken(step, state) {
                return Poll::Ready(next);
            }
        }
    }

    /// What a step comes to; `None` where it is nothing for the client.
    fn taken(&self, step: Step, state: &mut State) -> Option<Next> {
        match step {
            Step::Replied(reply) => {
                state.facts = Facts::of(reply.extensions());
                state.phase = Phase::Reading(reply);
                self.is_listen.then_some(Next::Open)
            }
            Step::Said(message) => match (self.said(message, &mut state.facts), state.facts.caught.take()) {
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
        }
    }

    /// One message of the reply; `None` where it is for nobody.
    fn said(&self, message: JsonRpcMessage, facts: &mut Facts) -> Option<Next> {
        if message.result().is_some() {
            facts.forget_failure();
        }
        let answers = message.kind() == Kind::Response && message.id().is_some();
        let Some(id) = self.responder.id() else {
            tracing::debug!(?message, "nobody waits for this message");
            return answers.then_some(Next::End);
        };
        if answers {
            return Some(match message.has_id(id) {
                true => Next::Last(self.spoken(message), None),
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
            // All that such a server may cancel is a listen (2026-07-28 basic/patterns/cancellation).
            None if message.is_method(method::CANCELLED) => {
                tracing::warn!("a server's cancellation of what it did not ask was dropped");
                None
            }
            None => Some(Next::Message(message, None)),
        }
    }

    /// The response, as far as it says what can be spoken.
    fn spoken(&self, answer: JsonRpcMessage) -> JsonRpcMessage {
        match &self.spoken {
            Some(spoken) if self.discovers || answer.error().is_some() => speak_only(answer, spoken),
            _ => answer,
        }
    }

    pub(super) fn failed(&self, error: BoxError) -> Failed {
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
}
