//! A call that the leaf has: its names on either side, and what its end changes.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;

use tokio::time::Instant;

use super::items::Items;
use super::member::Member;
use crate::connect::leaf::Leaf;
use crate::connect::rename::{self, Caller};
use crate::error::Error;
use crate::message::{Context as Facts, JsonRpcMessage, OwnedId};
use crate::reply::Reply;

pub(super) struct Pending<L: Leaf> {
    member: Arc<Member<L>>,
    wire: OwnedId,
    caller: Caller,
    /// It is never what the server speaks about.
    is_aside: bool,
    context: Option<Arc<Facts>>,
    after: After,
    over: bool,
}

/// What the answer decides.
#[derive(Debug)]
pub(super) enum After {
    Nothing,
    /// Whether the client has subscribed to this resource.
    Subscribe(Arc<str>),
    /// Whether the client's level, which was this, has changed.
    SetLevel(Option<u8>),
}

impl<L: Leaf> Pending<L> {
    pub(super) fn new(
        member: &Arc<Member<L>>,
        wire: OwnedId,
        caller: Caller,
        is_aside: bool,
        context: Option<Arc<Facts>>,
        after: After,
    ) -> Self {
        member.begin(&wire, &caller.id);
        Self { member: member.clone(), wire, caller, is_aside, context, after, over: false }
    }

    pub(super) fn member(&self) -> &Arc<Member<L>> {
        &self.member
    }

    pub(super) fn stopped(&self) -> Option<Error> {
        self.member.stopped()
    }

    pub(super) fn watch(&self, waker: &Waker) {
        self.member.watch(&self.wire, waker);
    }

    /// The outcome as the caller may see it.
    pub(super) fn receive(mut self, outcome: Result<Reply, Error>) -> Result<Reply, Error> {
        let mut reply = outcome.inspect_err(|error| self.fail(error))?;
        if !reply.is_single() {
            let extensions = std::mem::take(reply.extensions_mut());
            let mut reply = Reply::stream(Items::new(reply, self));
            *reply.extensions_mut() = extensions;
            return Ok(reply);
        }
        if let Some(message) = reply.as_one() {
            self.answered(message);
        }
        Ok(reply.map(move |message| self.restore(message)))
    }

    /// The final response has come.
    pub(super) fn answered(&mut self, response: &JsonRpcMessage) {
        self.over = true;
        let mut state = self.member.core().lock();
        if !self.is_aside {
            state.running.answered(self.member.id, response.sequence());
        }
        match response.error() {
            Some(_) => drop(state.refused(self.member.id, &self.after)),
            None => state.confirm(&self.after),
        }
    }

    /// It failed; what never left, and what a server that is gone had, is nobody's work any more.
    pub(super) fn fail(&mut self, error: &Error) {
        if !(error.is_unsent() || error.is_closed()) {
            return; // as if it were cancelled
        }
        self.over = true;
        let mut state = self.member.core().lock();
        if !self.is_aside {
            state.running.answered(self.member.id, 0);
        }
        state.undo(self.member.id, &self.after);
    }

    /// Gives a message back the ids that the caller knows.
    pub(super) fn restore(&self, message: JsonRpcMessage) -> JsonRpcMessage {
        rename::restore(message, &self.wire, &self.caller, self.is_aside)
    }

    /// Drops what is below, so that it writes the client's own cancellation, if there is one.
    pub(super) fn cancel(&mut self, drop_it: impl FnOnce()) {
        let Some(context) = self.context.take().filter(|_| !self.over) else { return drop_it() };
        let own = context.take_cancellation(&self.caller.id);
        let Some(own) = own.and_then(|own| rename::cancelled(own, &self.wire)) else { return drop_it() };
        context.leave_cancellation(self.wire.clone(), own);
        drop_it();
        context.take_cancellation(&self.wire); // nobody below forwarded it
    }
}

impl<L: Leaf> Drop for Pending<L> {
    fn drop(&mut self) {
        self.member.end(&self.wire);
        if self.over {
            return;
        }
        let mut state = self.member.core().lock();
        if !self.is_aside {
            let until = Instant::now() + state.after_cancel;
            state.running.given_up(self.member.id, until);
        }
        state.undo(self.member.id, &self.after);
    }
}

impl<L: Leaf> fmt::Debug for Pending<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("id", &self.caller.id).field("wire", &self.wire).finish_non_exhaustive()
    }
}
