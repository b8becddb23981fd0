//! Calls that go on although their client has gone: before 2026-07-28, leaving is not cancelling.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::call::Call;
use super::outcome::Next;
use crate::message::Kind;

/// Reads the call to its end in a task of its own. What comes is on the call's trail, for a client that comes back.
///
/// Outside a runtime the call is dropped, and when the front end is gone.
pub(super) fn spawn(call: Arc<Call>, owner: u32) {
    call.is_left.store(true, Ordering::Release); // before it is looked whether the front end is there, which ends such calls when it goes
    let unread = Unread { call, owner };
    if unread.call.live.as_ref().is_some_and(|live| !live.is_served()) {
        return;
    }
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(unread.read());
    }
}

/// A call without a client.
struct Unread {
    call: Arc<Call>,
    owner: u32,
}

impl Unread {
    async fn read(self) {
        loop {
            match poll_fn(|cx| self.call.poll_next(self.owner, cx)).await {
                Next::Message(message, None) if message.kind() == Kind::Request => {
                    if let Some(live) = &self.call.live {
                        live.refuse(&message, "nobody is there to answer");
                    }
                }
                Next::Open | Next::Message(..) => {}
                Next::Last(..) | Next::Failed(_) | Next::End => return,
            }
        }
    }
}

/// If it is not over, nobody would ever read it.
impl Drop for Unread {
    fn drop(&mut self) {
        if self.call.is_owned_by(self.owner) {
            self.call.abandon();
        }
    }
}
