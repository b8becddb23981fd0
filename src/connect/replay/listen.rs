//! What the server said unasked, where it said it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::time::Instant;

use super::script::Item;
use super::state::{Shared, State};
use super::timer::Timer;
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind};

/// The reply to a session's listen. It never ends; a later one goes on where it stopped.
pub(super) struct Listening {
    shared: Arc<Shared>,
    request: JsonRpcMessage,
    timer: Timer,
}

impl Listening {
    pub(super) fn new(shared: &Arc<Shared>, request: JsonRpcMessage) -> Self {
        shared.lock().listeners += 1;
        Self { shared: shared.clone(), request: request.detach(), timer: Timer::default() }
    }

    fn substituted(&self, message: JsonRpcMessage) -> JsonRpcMessage {
        let substitutions = &self.shared.options.substitutions;
        substitutions.iter().fold(message, |message, other| other.apply(message, &self.request))
    }
}

/// The message as the client gets it.
fn say(state: &mut State, item: &Item) -> JsonRpcMessage {
    state.unasked += 1;
    let message = item.message.clone();
    if message.kind() == Kind::Request { state.ask(item, message, None) } else { message }
}

impl Stream for Listening {
    type Item = Result<JsonRpcMessage, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let shared = this.shared.clone();
        loop {
            let mut state = shared.lock();
            match shared.unasked(&state) {
                Some((item, due)) if due <= Instant::now() => {
                    let message = say(&mut state, item);
                    drop(state);
                    return Poll::Ready(Some(Ok(this.substituted(message))));
                }
                next => {
                    // What has to wait for its time may come at once when something else happens.
                    state.wait(cx);
                    let Some((_, due)) = next else { return Poll::Pending };
                    drop(state);
                    ready!(this.timer.poll(due, cx));
                }
            }
        }
    }
}

impl Drop for Listening {
    /// What was asked on it will not be answered, and nothing waits for that.
    fn drop(&mut self) {
        self.shared.change(|state| {
            state.listeners -= 1;
            let unanswered = state.asked.extract_if(|_, asked| asked.play.is_none());
            let unanswered: Vec<usize> = unanswered.map(|(_, asked)| asked.question).collect();
            self.shared.hear(state, unanswered);
        });
    }
}
