//! One recorded exchange, said again.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::Instant;

use super::script::{Exchange, How, Item};
use super::state::{Playing, Shared, State};
use super::timer::Timer;
use crate::connect::rename::{self, Caller};
use crate::error::Error;
use crate::message::{Code, JsonRpcMessage, Kind, OwnedId};
use crate::protocol::{method, peek};
use crate::reply::Reply;
use crate::tape::failure;

/// What comes back for a request.
pub(super) struct Play {
    shared: Arc<Shared>,
    exchange: usize,
    number: u64,
    request: JsonRpcMessage,
    caller: Caller,
    next: usize,
    /// What times are counted from: now, and then.
    base: (Instant, Duration),
    timer: Timer,
    /// How often it has stood back for the session's listen.
    stood_back: u32,
    over: bool,
    /// It was read to know what kind of reply it is.
    first: Option<JsonRpcMessage>,
}

/// How often what was said before on the session's listen is let go first.
const PATIENCE: u32 = 64;

/// What is to be done next.
enum Step {
    Wait,
    Say(Instant),
    Refuse(JsonRpcMessage),
}

impl Play {
    /// The exchange is found and counts as played.
    pub(super) fn new(
        shared: &Arc<Shared>,
        state: &mut State,
        exchange: usize,
        request: JsonRpcMessage,
    ) -> Self {
        let recorded = &shared.script.exchanges[exchange];
        let token = peek::progress_token(&request).ok().flatten().map(|token| token.to_owned());
        let id = request.owned_id().unwrap_or_else(|| recorded.id.clone());
        state.played[exchange] = state.played[exchange].saturating_add(1);
        state.reach(recorded.frame, recorded.at);
        Self {
            shared: shared.clone(),
            exchange,
            number: state.begin(),
            request: request.detach(),
            caller: Caller { id, token },
            next: 0,
            base: (Instant::now(), recorded.at),
            timer: Timer::default(),
            stood_back: 0,
            over: false,
            first: None,
        }
    }

    /// Resolves with the first message, a listen at once.
    pub(super) async fn reply(mut self) -> Result<Reply, Error> {
        if self.recorded().is_listen() {
            return Ok(Reply::stream(self));
        }
        match std::future::poll_fn(|cx| self.poll_item(cx)).await {
            None => Ok(Reply::empty()),
            Some(Err(error)) => Err(error),
            Some(Ok(only)) if self.over => Ok(Reply::one(only)),
            Some(Ok(first)) => {
                self.first = Some(first);
                Ok(Reply::stream(self))
            }
        }
    }

    fn recorded(&self) -> &Exchange {
        &self.shared.script.exchanges[self.exchange]
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<JsonRpcMessage, Error>>> {
        let shared = self.shared.clone();
        while !self.over {
            let recorded = &shared.script.exchanges[self.exchange];
            let Some(item) = recorded.items.get(self.next) else { return self.poll_end(cx, recorded) };
            match self.step(cx, recorded, item) {
                Step::Wait => return Poll::Pending,
                Step::Refuse(answer) => {
                    self.over = true;
                    return Poll::Ready(Some(Ok(answer)));
                }
                Step::Say(due) => ready!(self.timer.poll(due, cx)),
            }
            self.next += 1;
            if let Some(message) = self.dressed(recorded, item) {
                return Poll::Ready(Some(Ok(self.say(item, message))));
            }
        }
        Poll::Ready(None)
    }

    fn step(&mut self, cx: &Context<'_>, recorded: &Exchange, item: &Item) -> Step {
        let shared = self.shared.clone();
        let mut state = shared.lock();
        let Some(playing) = state.plays.get(&self.number) else { return Step::Wait };
        if let Some(mismatch) = &playing.refused {
            let (data, id) = (mismatch.data(), Some(&self.caller.id));
            let answer = JsonRpcMessage::refusal_with(id, Code::INTERNAL_ERROR, mismatch, Some(&data));
            return Step::Refuse(answer);
        }
        let is_early = recorded.is_listen() && state.reached.frame < item.cause;
        let Some(base) = self.after_answers(&state, playing, item).filter(|_| !is_early) else {
            state.wait(cx);
            return Step::Wait;
        };
        // The order between the two streams is kept where both are read; one that is not read holds nothing up.
        if self.stood_back < PATIENCE && shared.is_overtaken(&state, item.frame) {
            self.stood_back += 1;
            cx.waker().wake_by_ref();
            return Step::Wait;
        }
        self.stood_back = 0;
        self.base = if recorded.is_listen() { (state.reached.now, state.reached.recorded) } else { base };
        Step::Say(self.due(item.at))
    }

    /// What times are counted from once the client has answered all that it had answered then; `None` until it has.
    /// What is asked on a listen that nobody reads is not waited for.
    fn after_answers(&self, state: &State, playing: &Playing, item: &Item) -> Option<(Instant, Duration)> {
        let mut base = self.base;
        for frame in &item.needs {
            let question = self.shared.script.questions.get(frame);
            if let Some(answer) = question.and_then(|question| question.answer.as_ref()) {
                base = (*playing.answered.get(frame)?, answer.at);
            }
        }
        (!self.shared.is_to_come(state, &item.heard)).then_some(base)
    }

    fn due(&self, at: Duration) -> Instant {
        self.base.0 + self.shared.options.timing.wait(at.saturating_sub(self.base.1))
    }

    /// With what the caller knows in the place of what was recorded; nothing where it did not ask for it.
    fn dressed(&self, recorded: &Exchange, item: &Item) -> Option<JsonRpcMessage> {
        let caller = Caller { id: self.caller.id.clone(), token: None };
        let message = rename::restore(item.message.clone(), &recorded.id, &caller, recorded.is_listen());
        let message = match &recorded.token {
            Some(token) if is_progress_of(&message, token) => {
                rename::with_param(message, "progressToken", self.caller.token.as_ref()?)?
            }
            _ => message,
        };
        let substitutions = &self.shared.options.substitutions;
        Some(substitutions.iter().fold(message, |message, other| other.apply(message, &self.request)))
    }

    fn say(&mut self, item: &Item, message: JsonRpcMessage) -> JsonRpcMessage {
        self.over = message.kind() == Kind::Response && message.id().is_some();
        let number = self.number;
        self.shared.change(|state| {
            state.reach_in(number, item.frame, item.at);
            if message.kind() == Kind::Request { state.ask(item, message, Some(number)) } else { message }
        })
    }

    fn poll_end(
        &mut self,
        cx: &mut Context<'_>,
        recorded: &Exchange,
    ) -> Poll<Option<Result<JsonRpcMessage, Error>>> {
        let end = &recorded.end;
        let error = match &end.how {
            How::Cancelled => return Poll::Pending,
            How::Unknown if recorded.is_listen() => return Poll::Pending,
            How::Unknown => Some(Error::closed("the tape holds no answer to this call, nor how it ended")),
            How::Failed(told) => Some(failure::read(told.as_bytes()).within("as recorded")),
            How::Answered | How::Unanswered => None,
        };
        ready!(self.timer.poll(self.due(end.at), cx));
        self.over = true;
        self.shared.change(|state| state.reach_in(self.number, end.frame, end.at));
        Poll::Ready(error.map(Err))
    }
}

fn is_progress_of(message: &JsonRpcMessage, token: &OwnedId) -> bool {
    message.is_method(method::PROGRESS)
        && peek::progress_token(message).ok().flatten().is_some_and(|found| found.to_owned() == *token)
}

impl Stream for Play {
    type Item = Result<JsonRpcMessage, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(first))),
            None => self.poll_item(cx),
        }
    }
}

impl Drop for Play {
    /// What was cancelled when it was recorded is cancelled now.
    fn drop(&mut self) {
        let end = &self.recorded().end;
        let (frame, at, is_cancelled) = (end.frame, end.at, end.how == How::Cancelled);
        let number = self.number;
        self.shared.change(|state| {
            if is_cancelled {
                state.reach_in(number, frame, at);
            }
            state.end(number);
        });
    }
}
