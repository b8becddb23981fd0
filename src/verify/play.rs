//! Step by step through a tape.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tower_service::Service;

use super::active::{Active, Ended, Live, MAX_ITEMS, Purpose};
use super::driver::Driver;
use super::ending::ending;
use super::script::{End, What};
use super::{Call, Pace, Report, Verdict, VerifyError};
use crate::error::BoxError;
use crate::message::{Id, JsonRpcMessage, OwnedId};
use crate::protocol::{Era, peek};
use crate::reply::Reply;

/// So often a server that had said more unasked is waited for.
const MAX_SILENCES: usize = 8;

impl<S> Driver<S>
where
    S: Service<JsonRpcMessage, Response = Reply>,
    S::Error: Into<BoxError>,
{
    /// Plays all of it.
    pub(super) async fn play(mut self) -> Result<Report, VerifyError> {
        let began = Instant::now();
        let listens = self.script.era() == Some(Era::Legacy) || !self.script.unasked.is_empty();
        let listen_at = self.script.opening().map_or(0, |at| at + 1);
        let open_at = self.script.open();
        for step in 0..self.script.steps.len() {
            self.wait_for_turn(step, began).await;
            if step == listen_at && listens {
                self.listen().await;
            }
            if step == open_at {
                self.load_components().await?;
            }
            self.step(step).await;
        }
        let steps = self.script.steps.len();
        self.barrier(steps).await;
        if listen_at >= steps && listens {
            self.listen().await;
        }
        if open_at >= steps {
            self.load_components().await?;
        }
        self.finish().await;
        Ok(self.report)
    }

    async fn wait_for_turn(&mut self, step: usize, began: Instant) {
        let first = self.script.steps.first().map_or(Duration::ZERO, |first| first.at);
        let since = self.script.steps[step].at.saturating_sub(first);
        let since = match self.settings.pace {
            Pace::OneByOne => Duration::ZERO,
            Pace::AsRecorded => since,
            Pace::Scaled(by) => Duration::try_from_secs_f64(since.as_secs_f64() * by).unwrap_or_default(),
        };
        if let Some(due) = began.checked_add(since).filter(|_| since > Duration::ZERO) {
            self.until(Some(due), |_| false).await;
        }
        self.barrier(step).await;
        self.hear_unasked(self.script.steps[step].unasked).await;
    }

    /// Waits until the server has said so much unasked: what the client did next may depend on it. One that keeps silent
    /// is not waited for again, until it says something.
    async fn hear_unasked(&mut self, count: usize) {
        let heard = |driver: &Self| driver.find(Purpose::SessionListen).map(Active::compared);
        let count = count.saturating_sub(self.unheard);
        let is_silent = |heard| self.silent_at == Some(heard) || self.silences == MAX_SILENCES;
        if heard(self).is_none_or(|heard| heard >= count || is_silent(heard)) {
            return;
        }
        let deadline = self.lingered();
        if !self.until(deadline, |driver| heard(driver).is_none_or(|heard| heard >= count)).await {
            self.silent_at = heard(self);
            self.silences += 1;
            self.unheard += count - self.silent_at.unwrap_or(count);
        }
        // Its answers to what it was asked are on their way.
        self.drain().await;
    }

    /// Waits for the calls that were over before this step. A listen that does not end as it did is ended.
    async fn barrier(&mut self, step: usize) {
        let deadline = self.deadline();
        while !self.until(deadline, |driver| driver.in_flight.overdue(step).is_none()).await {
            let Some(purpose) = self.in_flight.overdue(step) else { break };
            self.leave(purpose, None);
        }
    }

    async fn step(&mut self, step: usize) {
        match &self.script.steps[step].what {
            What::Notify(message) => {
                let message = message.clone();
                self.send(Purpose::OneWay, message).await;
                let deadline = self.deadline();
                self.until(deadline, |driver| driver.in_flight.counts().one_way == 0).await;
            }
            What::Leave(call) => {
                let call = *call;
                self.leave_call(call, self.lingered()).await;
            }
            What::Send(call) if self.script.calls[*call].is_left_out => {}
            What::Send(call) => self.call(*call).await,
        }
    }

    async fn call(&mut self, call: usize) {
        let most = self.settings.max_in_flight;
        self.until(None, |driver| driver.in_flight.counts().ending < most).await;
        let id = self.fresh_id();
        let request = self.settings.judge.carried.apply(self.script.calls[call].request.clone()).with_id(id);
        let is_listen = request.is_listen();
        self.send(Purpose::Call(call), request).await;
        let is_open = |driver: &Self| driver.find(Purpose::Call(call)).is_none_or(|active| active.is_open());
        if is_listen {
            let deadline = self.deadline();
            self.until(deadline, is_open).await;
        } else if self.settings.pace == Pace::OneByOne {
            match self.script.calls[call].end {
                End::Left(_) => self.leave_call(call, self.lingered()).await,
                End::Open => self.hear(call, self.lingered()).await,
                _ => {
                    self.until(None, |driver| driver.find(Purpose::Call(call)).is_none()).await;
                }
            }
        }
    }

    /// Waits until the call has said what it had said when the client left it.
    async fn hear(&mut self, call: usize, deadline: Option<Instant>) {
        let purpose = Purpose::Call(call);
        let count = self.script.calls[call].items.len();
        self.until(deadline, |driver| driver.find(purpose).is_none_or(|active| active.heard() >= count))
            .await;
        // Its answers to what it was asked are on their way.
        self.drain().await;
    }

    /// When what is still to come is waited for no longer.
    fn lingered(&self) -> Option<Instant> {
        Instant::now().checked_add(self.settings.linger)
    }

    async fn leave_call(&mut self, call: usize, deadline: Option<Instant>) {
        self.hear(call, deadline).await;
        let message = match &self.script.calls[call].end {
            End::Left(message) => message.clone(),
            _ => None,
        };
        self.leave(Purpose::Call(call), message);
    }

    /// Waits for answers that were not recorded, so that it is no chance whether they are found.
    async fn wait_for_unrecorded(&mut self) {
        let deadline = self.lingered();
        self.until(deadline, |driver| driver.in_flight.counts().unrecorded == 0).await;
    }

    /// Waits for what is still to come, and ends what stays open.
    async fn finish(&mut self) {
        self.barrier(self.script.steps.len()).await;
        self.wait_for_unrecorded().await;
        // One time for all, however many there are.
        let deadline = self.lingered();
        for call in 0..self.script.calls.len() {
            if self.find(Purpose::Call(call)).is_some() {
                self.leave_call(call, deadline).await;
            }
        }
        self.finish_unasked().await;
        self.report.calls.sort_by_key(|call| call.number);
        self.report.totals.left_out = self.script.left_out;
        let is_long = |items: &[_]| items.len() > MAX_ITEMS;
        if is_long(&self.script.unasked) || self.script.calls.iter().any(|call| is_long(&call.items)) {
            let note =
                format!("what a call said after its first {MAX_ITEMS} messages is counted, not compared");
            self.report.notes.push(note);
        }
        if self.masked > 0 {
            let what = "messages were sent with what stands on the tape for secrets, not with the secrets";
            self.report.notes.push(format!("{what}: {}", self.masked));
        }
        if self.script.incomplete {
            self.report.totals.incomplete = !self.settings.incomplete;
            self.report.notes.push("the tape is not whole: entries are missing, or its end".to_owned());
        }
    }

    /// Waits for what the server says unasked, and compares it.
    async fn finish_unasked(&mut self) {
        let judge = &self.settings.judge;
        let counting = self.script.unasked.iter().filter(|said| judge.counts(&said.message));
        let expected: Vec<_> = counting.map(|said| said.message.clone()).collect();
        let deadline = self.lingered();
        let count = expected.len();
        let is_heard = |driver: &Self| {
            driver.find(Purpose::SessionListen).is_none_or(|listen| listen.compared() >= count)
        };
        self.until(deadline, is_heard).await;
        self.drain().await;
        self.leave(Purpose::SessionListen, None);
        let (heard, more) = std::mem::take(&mut self.heard);
        let mut findings = self.settings.judge.items(&expected, &heard, more);
        findings.append(&mut self.unsent);
        self.report.add_unasked(findings, self.settings.max_findings);
    }

    /// What came of a call.
    pub(super) fn judged(&mut self, call: usize, ended: Ended, live: Live) -> Call {
        let recorded = &self.script.calls[call];
        let id = recorded.request.owned_id();
        let judge = &self.settings.judge;
        let mut findings = Vec::new();
        let counting = recorded.items.iter().filter(|said| judge.counts(&said.message));
        let expected: Vec<_> = counting.map(|said| said.message.clone()).collect();
        let renamed = |message| subscribed(message, ended.id.as_ref(), id.as_ref());
        let actual: Vec<_> = ended.items.iter().cloned().map(renamed).collect();
        let method = recorded.request.method().unwrap_or_default();
        let live = match (&recorded.end, live) {
            // First: what it gave out may be named in what came before.
            (End::Answered(expected), Live::Answered(actual)) => {
                let actual = match &id {
                    Some(id) => renamed(actual.with_id(id.clone())),
                    None => actual,
                };
                Live::Answered(self.settings.judge.carried.learn(method, expected, actual))
            }
            (_, live) => live,
        };
        let judge = &mut self.settings.judge;
        findings.extend(judge.items(&expected, &actual, ended.more));
        match (&recorded.end, &live) {
            (End::Answered(expected), Live::Answered(actual)) => {
                findings.extend(judge.answer(&recorded.request, expected, actual));
            }
            (end, live) => {
                findings.extend(ending(end, live, self.settings.incomplete, |why| judge.masks.text(why)));
            }
        }
        Call {
            number: call + 1,
            method: method.into(),
            name: name(&recorded.request),
            verdict: Verdict::Equal,
            findings,
            recorded: recorded.took,
            took: ended.took,
        }
    }
}

/// With the id that its listen had when it was recorded.
fn subscribed(message: JsonRpcMessage, now: Option<&OwnedId>, then: Option<&OwnedId>) -> JsonRpcMessage {
    let (Some(now), Some(then)) = (now, then) else { return message };
    let is_its = |id: Id<'_>| id.to_owned() == *now;
    if !peek::subscription_id(&message).ok().flatten().is_some_and(is_its) {
        return message;
    }
    message.clone().edit().meta(peek::SUBSCRIPTION_ID, then.as_str().as_bytes()).finish().unwrap_or(message)
}

/// The tool, prompt or resource that it names.
fn name(request: &JsonRpcMessage) -> Option<Arc<str>> {
    let tool = peek::tool_name(request).ok().flatten();
    let prompt = || peek::prompt_name(request).ok().flatten();
    let name = tool.or_else(prompt).or_else(|| peek::resource_uri(request).ok().flatten());
    name.map(|name| name.as_ref().into())
}
