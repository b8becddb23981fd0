//! Which messages become calls, and whose turn it is.

use std::sync::Arc;

use tokio::sync::watch;

use super::call::Call;
use super::listen;
use super::piped::Piped;
use super::running::Running;
use super::state::{Handle, State};
use crate::connect::leaf::Probe;
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::{Era, method};
use crate::reply::Reply;

pub(super) fn start(handle: &Arc<Handle>, message: JsonRpcMessage) -> Running {
    let shared = &handle.0;
    if let Some(error) = shared.error() {
        return Running::done(Err(error.unsent()));
    }
    if message.is_session_listen() {
        return Running::done(listen::open(handle, message));
    }
    let era = shared.era_of(&message);
    let mut state = shared.lock();
    if state.is_modern() && message.is_method(method::CANCELLED) {
        // It crossed the answer; and there a cancellation is no message.
        return Running::done(Ok(Reply::empty()));
    }
    shared.remember(&mut state, &message, era);
    // An answer is waited for, perhaps by what opens the session.
    let wait = if message.kind() == Kind::Response { None } else { state.turn() };
    if let (None, Some(pipe)) = (&wait, shared.pipe.get()) {
        shared.get_on(&mut state, &message);
        return Running::piped(Piped::new(pipe, handle, message));
    }
    // An owner asks whether there will be room again.
    let is_probe = message.extensions().get::<Probe>().is_some();
    if !is_probe && state.is_full(message.kind(), shared.options.max_pending) {
        return Running::done(Err(Error::busy("too many calls are pending").unsent()));
    }
    if shared.pipe.get().is_none() && message.kind() == Kind::Response && !is_asked(&mut state, &message) {
        return Running::done(Ok(Reply::empty()));
    }
    let call = Call::admitted(handle, &message, era, &mut state);
    drop(state);
    Running::of(call.run(message, wait))
}

/// An answer to a question that the server did not ask goes nowhere.
fn is_asked(state: &mut State, answer: &JsonRpcMessage) -> bool {
    // One without an id tells the server that it was not understood.
    let asked = answer.owned_id().is_none_or(|id| state.questions.close(&id));
    if !asked {
        state.stats.unmatched_answers += 1;
        tracing::debug!(id = ?answer.id(), "an answer to a question that the server did not ask was dropped");
    }
    asked
}

impl State {
    /// By what the server answered; by what the client says as long as it has not.
    fn is_modern(&self) -> bool {
        self.era.unwrap_or(self.client) == Era::Modern
    }

    /// What the next call waits for, if there is something.
    fn turn(&mut self) -> Option<watch::Receiver<()>> {
        self.gate.take_if(|gate| gate.has_changed().is_err());
        self.gate.clone()
    }

    /// What comes now waits for whoever keeps the sender.
    pub(super) fn shut_gate(&mut self) -> watch::Sender<()> {
        let (opens, gate) = watch::channel(());
        self.gate = Some(gate);
        opens
    }

    /// Whether no more such messages may be on their way. Calls keep out neither notifications nor answers, and
    /// notifications no answers, because calls may wait for these.
    fn is_full(&self, kind: Kind, max: usize) -> bool {
        match kind {
            Kind::Request => self.pending >= max,
            Kind::Notification => self.telling >= max,
            Kind::Response => self.telling / 2 >= max,
        }
    }

    pub(super) fn under_way(&mut self, is_request: bool) -> &mut usize {
        if is_request { &mut self.pending } else { &mut self.telling }
    }
}
