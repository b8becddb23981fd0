//! A reply of several messages, each shown to the chain as it is read.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::Interception;
use super::beat::Beat;
use super::chain::is_wanted;
use super::interception::Exchange;
use super::run::{Running, run};
use super::tail::{Tail, look};
use super::verdict::Verdict;
use super::window::Window;
use crate::error::Error;
use crate::layer::answers::Answers;
use crate::message::{Direction, JsonRpcMessage, Kind};
use crate::reply::{Reply, RpcService};

pub(super) struct Items<S> {
    inner: Reply,
    tail: Tail<S>,
    /// The message that the chain decides about: those behind it wait, so that order is kept.
    running: Option<Running>,
    beat: Option<Beat>,
    answers: Answers,
    window: Window,
    /// The response is lost: nothing comes any more.
    is_lost: bool,
}

/// Nothing in it is pinned in place: the futures are boxed.
impl<S> Unpin for Items<S> {}

impl<S: RpcService + Clone> Items<S> {
    pub(super) fn new(inner: Reply, tail: Tail<S>) -> Self {
        let beat = Beat::of_reply(&tail.exchange, tail.fixed.progress);
        Self {
            inner,
            tail,
            running: None,
            beat,
            answers: Answers::default(),
            window: Window::default(),
            is_lost: false,
        }
    }

    /// The message to give on at once, if nobody wants to see it.
    fn begin(&mut self, message: JsonRpcMessage) -> Option<JsonRpcMessage> {
        let request = self.tail.exchange.request.as_ref();
        let links = look(&mut self.tail.view, &self.tail.fixed.chain);
        if !is_wanted(links, Direction::ToClient, &message, request) {
            return Some(self.passed(message));
        }
        let links = links.clone();
        let exchange = std::mem::replace(&mut self.tail.exchange, Exchange::new(None));
        let seen = Interception::new(message, Direction::ToClient, exchange);
        self.running = Some(Box::pin(run(links, seen)));
        None
    }

    fn passed(&mut self, message: JsonRpcMessage) -> JsonRpcMessage {
        match (message.kind(), &mut self.beat) {
            (Kind::Request, _) => self.tail.fixed.questions.asked(self.tail.exchange.session_id(), &message),
            (Kind::Notification, Some(beat)) => beat.saw(&message),
            _ => {}
        }
        message
    }

    /// What goes to the client after the chain has decided.
    fn settle(&mut self, seen: Interception, verdict: Verdict) -> Option<JsonRpcMessage> {
        let (message, exchange) = seen.into_parts();
        self.tail.exchange = exchange;
        match verdict {
            Verdict::Pass => Some(self.passed(message)),
            Verdict::Collect(most) if message.kind() == Kind::Notification => {
                let message = self.passed(message);
                self.window.collect(message, most);
                None
            }
            Verdict::Collect(_) => Some(self.passed(message)),
            Verdict::Lose => {
                self.is_lost = message.kind() == Kind::Response && message.id().is_some();
                None
            }
            Verdict::Answer(reply) => {
                let answer = reply.as_one()?.clone();
                if message.kind() != Kind::Request {
                    return Some(answer);
                }
                self.answers.add(self.tail.fixed.service(), answer);
                None
            }
        }
    }
}

impl<S: RpcService + Clone> Stream for Items<S> {
    type Item = Result<JsonRpcMessage, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            this.answers.poll(cx);
            if let Some(ready) = this.window.ready.pop_front() {
                return Poll::Ready(Some(ready));
            }
            if this.is_lost {
                return Poll::Pending;
            }
            let message = match &mut this.running {
                Some(running) => match (running.as_mut().poll(cx), &mut this.beat) {
                    (Poll::Ready((seen, verdict)), beat) => {
                        beat.iter_mut().for_each(Beat::rest);
                        this.running = None;
                        this.settle(seen, verdict)
                    }
                    (Poll::Pending, Some(beat)) => return beat.poll(cx).map(|progress| Some(Ok(progress))),
                    (Poll::Pending, None) => return Poll::Pending,
                },
                None => match ready!(this.inner.poll_message(cx)) {
                    Some(Ok(message)) => this.begin(message),
                    Some(Err(error)) => {
                        this.window.close(Err(error));
                        None
                    }
                    None if this.window.is_empty() => return Poll::Ready(None),
                    None => {
                        this.window.release();
                        None
                    }
                },
            };
            let Some(message) = message else { continue };
            if message.kind() != Kind::Notification && !this.window.is_empty() {
                this.window.close(Ok(message));
            } else {
                return Poll::Ready(Some(Ok(message)));
            }
        }
    }
}

/// Nothing, ever.
pub(super) struct Silence;

impl Stream for Silence {
    type Item = Result<JsonRpcMessage, Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}
