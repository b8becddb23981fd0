//! Progress of ours while a message waits: a client that asked for progress does not give up on its request then.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::interception::Exchange;
use crate::message::JsonRpcMessage;
use crate::protocol::{method, peek};

/// Less than any step of a server's own.
const STEP: f64 = 1e-6;

/// The progress of one request whose client gave a token.
pub(super) struct Beat {
    /// Raw.
    token: String,
    every: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    said: Said,
    over: Arc<AtomicBool>,
}

/// What was said last of a request, before its response and after. Progress only grows.
#[derive(Clone, Debug, Default)]
pub(super) struct Said(Arc<Mutex<f64>>);

/// Ends a beat from elsewhere.
pub(super) struct Over(Arc<AtomicBool>);

impl Said {
    fn next(&self) -> f64 {
        let mut last = self.lock();
        *last += STEP.max(last.abs() * 2.0 * f64::EPSILON);
        *last
    }

    fn lock(&self) -> MutexGuard<'_, f64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Over {
    /// The chain has decided: what the client waits for now is the server.
    pub(super) fn decided(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Beat {
    /// None where the client asked for no progress.
    pub(super) fn new(request: Option<&JsonRpcMessage>, every: Option<Duration>) -> Option<Self> {
        let token = peek::progress_token(request?).ok()??.as_str().to_owned();
        Some(Self { token, every: every?, timer: None, said: Said::default(), over: Arc::default() })
    }

    /// The same for what the reply to a request brings.
    pub(super) fn of_reply(exchange: &Exchange, every: Option<Duration>) -> Option<Self> {
        let mut beat = Self::new(exchange.request.as_ref(), every)?;
        if let Some(said) = &exchange.said {
            beat.said = said.clone();
        }
        Some(beat)
    }

    /// What it says, for the reply's to go on from, and how it ends.
    pub(super) fn shared(&self) -> (Said, Over) {
        (self.said.clone(), Over(self.over.clone()))
    }

    /// Takes note of the server's own progress.
    pub(super) fn saw(&mut self, message: &JsonRpcMessage) {
        if !message.is_method(method::PROGRESS) {
            return;
        }
        let params = message.params().unwrap_or_default();
        let ours = matches!(peek::progress_token(message), Ok(Some(token)) if token.as_str() == self.token);
        let said =
            peek::member(params, "progress").ok().flatten().and_then(|raw| serde_json::from_slice(raw).ok());
        if let Some(said) = said.filter(|_| ours) {
            let mut last = self.said.lock();
            *last = last.max(said);
        }
    }

    /// The next progress, when it is time: as long as it is polled, the message waits.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<JsonRpcMessage> {
        if self.over.load(Ordering::Relaxed) {
            return Poll::Pending; // what it is asked beside wakes the task
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(self.every)));
        ready!(timer.as_mut().poll(cx));
        self.timer = None;
        let (token, progress) = (&self.token, self.said.next());
        let params = format!(
            r#"{{"progressToken":{token},"progress":{progress},"message":"Waiting for a decision"}}"#
        );
        let message = JsonRpcMessage::notification(method::PROGRESS, params);
        Poll::Ready(message.expect("a token that was read is a JSON value").synthetic())
    }

    /// The message does not wait any more.
    pub(super) fn rest(&mut self) {
        self.timer = None;
    }
}
