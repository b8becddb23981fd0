//! What the handles, calls and replies of one client share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::watch;

use super::Handle;
use super::state::{ClientId, Core};
use crate::connect::leaf::Leaf;
use crate::error::Error;
use crate::message::OwnedId;

/// Dropped with the last handle, call and reply; then the client is gone.
pub(super) struct Member<L: Leaf> {
    pub(super) id: ClientId,
    handle: Arc<Handle<L>>,
    /// Why it was stopped, once it is.
    pub(super) end: watch::Sender<Option<Error>>,
    /// By their ids on the wire.
    calls: Mutex<HashMap<OwnedId, Pending>>,
}

struct Pending {
    caller: OwnedId,
    /// Whoever polls it, to be told when the client is stopped.
    waker: Option<Waker>,
}

impl<L: Leaf> Member<L> {
    pub(super) fn new(id: ClientId, handle: Arc<Handle<L>>) -> Self {
        Self { id, handle, end: watch::Sender::new(None), calls: Mutex::default() }
    }

    pub(super) fn core(&self) -> &Arc<Core<L>> {
        &self.handle.core
    }

    /// Why it was stopped, if it was.
    pub(super) fn stopped(&self) -> Option<Error> {
        self.end.borrow().clone()
    }

    pub(super) fn stop(&self, why: &Error) {
        let first = self.end.send_if_modified(|end| {
            let first = end.is_none();
            end.get_or_insert_with(|| why.clone());
            first
        });
        if first {
            self.core().lock().remove_client(self.id, why);
            let wakers: Vec<_> = self.lock().values_mut().filter_map(|call| call.waker.take()).collect();
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    pub(super) fn begin(&self, wire: &OwnedId, caller: &OwnedId) {
        self.lock().insert(wire.clone(), Pending { caller: caller.clone(), waker: None });
    }

    pub(super) fn end(&self, wire: &OwnedId) {
        self.lock().remove(wire);
    }

    /// Has the call polled when the client is stopped.
    pub(super) fn watch(&self, wire: &OwnedId, waker: &Waker) {
        if let Some(call) = self.lock().get_mut(wire)
            && !call.waker.as_ref().is_some_and(|known| known.will_wake(waker))
        {
            call.waker = Some(waker.clone());
        }
        if self.end.borrow().is_some() {
            waker.wake_by_ref();
        }
    }

    /// The id on the wire of the call that the client knows as `id`.
    pub(super) fn wire_id(&self, id: &OwnedId) -> Option<OwnedId> {
        let calls = self.lock();
        calls.iter().find(|(_, call)| call.caller == *id).map(|(wire, _)| wire.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OwnedId, Pending>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: Leaf> Drop for Member<L> {
    fn drop(&mut self) {
        self.core().lock().remove_client(self.id, &Error::closed("the client is gone"));
    }
}
