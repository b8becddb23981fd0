//! All calls under way, and what happens to them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context as Cx, Poll, ready};

use tokio::time::{Instant, sleep_until};
use tower_service::Service;

use super::active::{Active, Ended, Event, Live, Purpose};
use super::asked::Questions;
use super::ending::Failure;
use super::in_flight::InFlight;
use super::options::Settings;
use super::questions::naming;
use super::script::{Awaited, Script};
use super::{Finding, Progress, Report, Verdict};
use crate::error::BoxError;
use crate::message::{Context, Direction, JsonRpcMessage, OwnedId};
use crate::protocol::method;
use crate::reply::Reply;
use crate::tape::mask::is_masked;

/// What waits to be sent, at most; more questions than that get no answer.
pub(super) const MAX_WAITING: usize = 1_024;
/// So much happens before others are let in.
const TURN: usize = 64;

pub(super) struct Driver<S: Service<JsonRpcMessage>> {
    service: S,
    pub(super) settings: Settings,
    pub(super) script: Script,
    /// Calls that are played.
    calls: usize,
    pub(super) questions: Questions,
    pub(super) facts: Arc<Context>,
    pub(super) report: Report,
    pub(super) in_flight: InFlight<S::Future>,
    pub(super) waiting: VecDeque<(Purpose, JsonRpcMessage)>,
    /// The answer to a request of our own.
    own: Option<Live>,
    /// What was said unasked, once its listen is over.
    pub(super) heard: (Vec<JsonRpcMessage>, u64),
    /// Of notifications and answers of ours that could not be sent.
    pub(super) unsent: Vec<Finding>,
    /// Messages that were sent with markers in them.
    pub(super) masked: u64,
    /// What was said unasked that is not waited for any more.
    pub(super) unheard: usize,
    /// How much was heard unasked when nothing more came.
    pub(super) silent_at: Option<usize>,
    /// How often that was.
    pub(super) silences: usize,
    broken: Option<Failure>,
    next_id: i64,
}

impl<S> Driver<S>
where
    S: Service<JsonRpcMessage, Response = Reply>,
    S::Error: Into<BoxError>,
{
    pub(super) fn new(service: S, settings: Settings, script: Script, questions: Questions) -> Self {
        let calls = script.calls.iter().filter(|call| !call.is_left_out).count();
        Self {
            service,
            settings,
            script,
            calls,
            questions,
            facts: Arc::new(Context::new(Direction::ToUpstream).session("verify")),
            report: Report::default(),
            in_flight: InFlight::default(),
            waiting: VecDeque::new(),
            own: None,
            heard: (Vec::new(), 0),
            unsent: Vec::new(),
            masked: 0,
            unheard: 0,
            silent_at: None,
            silences: 0,
            broken: None,
            next_id: 0,
        }
    }

    pub(super) fn fresh_id(&mut self) -> OwnedId {
        self.next_id += 1;
        self.next_id.into()
    }

    /// Lets things happen until `is_done`; `false` at the deadline.
    pub(super) async fn until(&mut self, deadline: Option<Instant>, is_done: impl Fn(&Self) -> bool) -> bool {
        let mut sleep = deadline.map(|at| Box::pin(sleep_until(at)));
        poll_fn(|cx| {
            for _ in 0..TURN {
                if is_done(self) {
                    return Poll::Ready(true);
                }
                if self.poll(cx).is_pending() {
                    return match &mut sleep {
                        Some(sleep) => sleep.as_mut().poll(cx).map(|()| false),
                        None => Poll::Pending,
                    };
                }
            }
            cx.waker().wake_by_ref();
            match &mut sleep {
                Some(sleep) => sleep.as_mut().poll(cx).map(|()| false),
                None => Poll::Pending,
            }
        })
        .await
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        Instant::now().checked_add(self.settings.timeout)
    }

    /// Lets happen what is ready now, and no more than a turn of it.
    pub(super) async fn settle(&mut self) {
        poll_fn(|cx| {
            let is_idle = (0..TURN).any(|_| self.poll(cx).is_pending());
            Poll::Ready(is_idle)
        })
        .await;
    }

    /// Sends a message, and waits until it is sent or the stack was not ready in time.
    pub(super) async fn send(&mut self, purpose: Purpose, message: JsonRpcMessage) {
        self.waiting.push_back((purpose, message.with_context(self.facts.clone())));
        self.drain().await;
    }

    /// Waits until everything is sent.
    pub(super) async fn drain(&mut self) {
        let deadline = self.deadline();
        if !self.until(deadline, |driver| driver.waiting.is_empty()).await {
            let why = format!("the stack was not ready within {:?}", self.settings.timeout);
            self.refuse_waiting(&Failure::timeout(why));
        }
    }

    /// Asks something of our own.
    pub(super) async fn ask(&mut self, request: JsonRpcMessage) -> Result<JsonRpcMessage, String> {
        self.own = None;
        self.send(Purpose::Own, request).await;
        self.until(None, |driver| driver.own.is_some()).await;
        match self.own.take() {
            Some(Live::Answered(answer)) => Ok(answer),
            Some(Live::Failed(failure)) => Err(failure.why().to_owned()),
            _ => Err("there was no answer".to_owned()),
        }
    }

    /// Opens what a front end listens on for its client.
    pub(super) async fn listen(&mut self) {
        let facts = Context::clone(&self.facts).session_listen();
        let request = JsonRpcMessage::request("shadowcat/verify/listen", method::LISTEN, "{}")
            .expect("a constant message is well formed");
        self.waiting.push_back((Purpose::SessionListen, request.with_context(Arc::new(facts))));
        self.drain().await;
    }

    pub(super) fn find(&self, purpose: Purpose) -> Option<&Active<S::Future>> {
        self.in_flight.get(self.in_flight.place(purpose)?)
    }

    /// Ends a call as the client did, with its message.
    pub(super) fn leave(&mut self, purpose: Purpose, message: Option<JsonRpcMessage>) {
        let Some(at) = self.in_flight.place(purpose) else { return };
        let Some(active) = self.in_flight.take(at) else { return };
        let named = active.id.clone().zip(message);
        if let Some((id, message)) = &named {
            self.facts.leave_cancellation(id.clone(), naming(message, id));
        }
        let ended = active.end();
        if let Some((id, _)) = named {
            self.facts.take_cancellation(&id);
        }
        self.over(ended, Live::Left);
    }

    /// Something happened.
    fn poll(&mut self, cx: &mut Cx<'_>) -> Poll<()> {
        if self.poll_send(cx) {
            return Poll::Ready(());
        }
        let (at, event) = ready!(self.in_flight.poll(cx));
        let live = match event {
            Event::Item(message) => {
                self.item(at, message);
                return Poll::Ready(());
            }
            Event::Over(live) => live,
            Event::Broke(error) => Live::Failed(self.failure(&error)),
        };
        if let Some(active) = self.in_flight.take(at) {
            self.over(active.end(), live);
        }
        Poll::Ready(())
    }

    /// What an error says may be as secret as what a message does.
    fn failure(&self, error: &BoxError) -> Failure {
        Failure::of(error, self.settings.judge.masks.text(&error.to_string()))
    }

    fn poll_send(&mut self, cx: &mut Cx<'_>) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        if let Some(why) = self.broken.clone() {
            self.refuse_waiting(&why);
            return true;
        }
        match self.service.poll_ready(cx) {
            Poll::Pending => false,
            Poll::Ready(Err(error)) => {
                self.broken = Some(self.failure(&error.into()));
                true
            }
            Poll::Ready(Ok(())) => {
                if let Some((purpose, message)) = self.waiting.pop_front() {
                    let id = message.owned_id();
                    self.masked += u64::from(purpose != Purpose::Own && is_masked(message.bytes()));
                    let awaited = match purpose {
                        Purpose::Call(call) => self.script.calls[call].awaited(),
                        Purpose::SessionListen => Awaited::default(),
                        Purpose::OneWay | Purpose::Own => Awaited { ends: true, ..Awaited::default() },
                    };
                    let limit = awaited.ends.then_some(self.settings.timeout);
                    let future = self.service.call(message);
                    self.in_flight.begin(Active::new(purpose, id, future, limit), awaited);
                }
                true
            }
        }
    }

    fn refuse_waiting(&mut self, why: &Failure) {
        while let Some((purpose, message)) = self.waiting.pop_front() {
            self.over(Ended::unsent(purpose, message.owned_id()), Live::Failed(why.clone()));
        }
    }

    fn over(&mut self, ended: Ended, live: Live) {
        match ended.purpose {
            Purpose::Call(call) => {
                let judged = self.judged(call, ended, live);
                self.report.add(judged, self.settings.max_findings);
                self.tell();
            }
            Purpose::Own => self.own = Some(live),
            Purpose::SessionListen => self.heard = (ended.items, ended.more),
            Purpose::OneWay => {
                if let Live::Failed(failure) = live
                    && self.unsent.len() < MAX_WAITING
                {
                    self.unsent.push(Finding {
                        place: "what the client sent".to_owned(),
                        verdict: Verdict::Failed,
                        path: String::new(),
                        expected: None,
                        actual: Some(failure.why().to_owned()),
                        causes: Vec::new(),
                    });
                }
            }
        }
    }

    fn tell(&mut self) {
        let Some(see) = &mut self.settings.progress else { return };
        let in_flight = self.in_flight.counts().calls;
        see(&Progress { over: self.report.calls.len(), calls: self.calls, in_flight });
    }
}
