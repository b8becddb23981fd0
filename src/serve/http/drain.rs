//! Calls that go on although their client has gone: before 2026-07-28, leaving is not cancelling.

use std::future::poll_fn;
use std::sync::Arc;

use super::call::Call;
use super::outcome::Next;
use super::trail::Trail;
use crate::message::{JsonRpcMessage, Kind};

/// Reads the call to its end in a task of its own. What comes is kept on `trail` for a client that comes back.
///
/// Outside a runtime the call is dropped.
pub(super) fn spawn(call: Arc<Call>, owner: u32, trail: Option<Trail>) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn(drain(call, owner, trail))),
        Err(_) => call.abandon(),
    }
}

async fn drain(call: Arc<Call>, owner: u32, trail: Option<Trail>) {
    loop {
        match poll_fn(|cx| call.poll_next(owner, cx)).await {
            Next::Open => {}
            Next::Message(message) => keep(&call, trail.as_ref(), &message),
            Next::Last(message) => return keep(&call, trail.as_ref(), &message),
            Next::Failed(failed) => {
                return failed.answer.iter().for_each(|answer| keep(&call, trail.as_ref(), answer));
            }
            Next::End => return,
        }
    }
}

fn keep(call: &Call, trail: Option<&Trail>, message: &JsonRpcMessage) {
    let kept = trail.and_then(|trail| trail.mark(message)).is_some();
    if !kept
        && message.kind() == Kind::Request
        && let Some(live) = &call.live
    {
        live.refuse(message, "nobody is there to answer");
    }
}
