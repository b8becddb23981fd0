//! The end that reads.

#[cfg(feature = "tape")]
use std::collections::{BTreeMap, VecDeque};
use std::sync::PoisonError;
#[cfg(feature = "tape")]
use std::task::Waker;
use std::task::{Context, Poll};

use super::state::{State, Thread};
use super::{Receiver, Taken};

impl<T> Receiver<T> {
    /// What comes next, for a task; `None` once the sender is gone and everything read.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Taken<T>>> {
        let mut state = self.0.lock();
        let taken = state.take();
        self.0.show(&state);
        if taken.is_none() && !state.sender_gone {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(taken)
    }

    /// What is there, without waiting. To ask again says that what was taken before is done with.
    pub(crate) fn try_next(&mut self) -> Option<Taken<T>> {
        self.done();
        self.take()
    }

    /// What is there, without waiting and without a word about what was taken before.
    pub(crate) fn take(&mut self) -> Option<Taken<T>> {
        let mut state = self.0.lock();
        let taken = state.take();
        self.0.show(&state);
        taken
    }

    /// The same, up to so many at once, and up to so many bytes, of which the last item may be more. Until it is asked
    /// again, what was taken still weighs. Who waits for room learns of it.
    #[cfg(feature = "tape")]
    pub(crate) fn take_some(&mut self, most: usize, bytes: usize, into: &mut VecDeque<Taken<T>>) {
        let mut state = self.0.lock();
        state.let_go();
        while into.len() < most && state.held < bytes {
            let Some(taken) = state.take_and_hold() else { break };
            into.push_back(taken);
        }
        self.0.show(&state);
        let pressed = state.is_pressed();
        let woken = if pressed { BTreeMap::new() } else { std::mem::take(&mut state.blocked) };
        drop(state);
        woken.into_values().for_each(Waker::wake);
    }

    /// What was taken is done with.
    pub(crate) fn done(&mut self) {
        let mut state = self.0.lock();
        state.done = state.offered - state.items.len() as u64;
        drop(state);
        self.0.progress.notify_waiters();
    }

    /// Waits, on a thread, for so long or until the sender is gone. False once it is.
    #[cfg(any(feature = "tape", all(feature = "audit", unix)))]
    pub(crate) fn pause(&mut self, most: std::time::Duration) -> bool {
        let waits = |state: &mut State<T>| !state.sender_gone;
        let waited = self.0.came.wait_timeout_while(self.0.lock(), most, waits);
        !waited.unwrap_or_else(PoisonError::into_inner).0.sender_gone
    }

    /// Waits, on a thread, for so long, or until half of the room is taken, somebody urges or the sender is gone.
    #[cfg(feature = "tape")]
    pub(crate) fn linger(&mut self, most: std::time::Duration) {
        let mut state = self.0.lock();
        state.thread = Thread::Lingers;
        let waits = |state: &mut State<T>| {
            state.thread == Thread::Lingers && !state.is_pressed() && !state.sender_gone
        };
        let waited = self.0.came.wait_timeout_while(state, most, waits);
        waited.unwrap_or_else(PoisonError::into_inner).0.thread = Thread::Works;
    }

    /// Nothing more comes.
    #[cfg(feature = "tape")]
    pub(crate) fn is_last(&self) -> bool {
        self.0.lock().sender_gone
    }

    /// More than half of the room is taken.
    #[cfg(feature = "tape")]
    pub(crate) fn is_pressed(&self) -> bool {
        self.0.lock().is_pressed()
    }

    /// Nothing is there now.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().items.is_empty()
    }

    /// Waits, on a thread, until there is something. False once the sender is gone and everything read.
    pub(crate) fn wait(&mut self) -> bool {
        let is_idle = |state: &mut State<T>| {
            let is_idle = state.items.is_empty() && state.unsaid == 0 && !state.sender_gone;
            state.thread = if is_idle { Thread::Waits } else { Thread::Works };
            is_idle
        };
        let state = self.0.came.wait_while(self.0.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        !state.items.is_empty() || state.unsaid > 0
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.receiver_gone = true;
        state.bytes = 0;
        let unread = std::mem::take(&mut state.items);
        state.lost += unread.len() as u64;
        self.0.show(&state);
        #[cfg(feature = "tape")]
        let blocked = std::mem::take(&mut state.blocked);
        drop(state);
        #[cfg(feature = "tape")]
        blocked.into_values().for_each(Waker::wake);
        self.0.progress.notify_waiters();
        drop(unread);
    }
}
