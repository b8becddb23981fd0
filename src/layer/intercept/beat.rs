//! Progress of ours while a message waits: a client that asked for progress does not give up on its request then.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

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
    /// What was said last. Progress only grows.
    progress: f64,
}

impl Beat {
    /// None where the client asked for no progress.
    pub(super) fn new(request: Option<&JsonRpcMessage>, every: Option<Duration>) -> Option<Self> {
        let token = peek::progress_token(request?).ok()??.as_str().to_owned();
        Some(Self { token, every: every?, timer: None, progress: 0.0 })
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
            self.progress = self.progress.max(said);
        }
    }

    /// The next progress, when it is time: as long as it is polled, the message waits.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<JsonRpcMessage> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(self.every)));
        ready!(timer.as_mut().poll(cx));
        self.timer = None;
        self.progress += STEP.max(self.progress.abs() * 2.0 * f64::EPSILON);
        let (token, progress) = (&self.token, self.progress);
        let params = format!(
            r#"{{"progressToken":{token},"progress":{progress},"message":"Waiting for a decision"}}"#
        );
        let message = JsonRpcMessage::notification(method::PROGRESS, params);
        Poll::Ready(message.expect("a token that was read is a JSON value"))
    }

    /// The message does not wait any more.
    pub(super) fn rest(&mut self) {
        self.timer = None;
    }
}
