//! A leaf in somebody's hands.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tower_service::Service;

use super::state::{Made, Shared};
use crate::connect::leaf::{Exit, Leaf};
use crate::error::Error;
use crate::message::JsonRpcMessage;
use crate::reply::Reply;

/// A leaf from a [`Pool`](super::Pool), used by nobody before; its clones are the same leaf.
///
/// It ends when every clone, pending call and open reply is gone, as the leaf itself does. It never goes back.
#[derive(Clone)]
pub struct Pooled<L: Leaf> {
    leaf: L,
    lease: Arc<Lease<L>>,
}

/// Counts as in use while it lives.
pub(super) struct Lease<L: Leaf> {
    number: u64,
    /// Locked because a leaf need not be shared between threads.
    leaf: Mutex<L>,
    pool: Arc<Shared<L>>,
}

impl<L: Leaf> Pooled<L> {
    pub(super) fn new(made: Made<L>, pool: &Arc<Shared<L>>) -> Self {
        let Made { number, leaf } = made;
        tracing::debug!(number, pid = leaf.pid(), "the pool hands out a leaf");
        let lease = Arc::new(Lease { number, leaf: Mutex::new(leaf.clone()), pool: pool.clone() });
        let mut state = pool.lock();
        state.lend(number, &lease);
        let closed = state.closed.clone();
        drop(state);
        if let Some(why) = closed {
            lease.stop(&why);
        }
        Self { leaf, lease }
    }

    /// The leaf itself. A clone of it that outlives this is no longer counted as in use.
    pub fn get_ref(&self) -> &L {
        &self.leaf
    }
}

impl<L: Leaf> Lease<L> {
    pub(super) fn stop(&self, why: &Error) {
        let leaf = self.leaf.lock().unwrap_or_else(PoisonError::into_inner).clone();
        leaf.stop(why.clone());
    }
}

impl<L: Leaf> Drop for Lease<L> {
    fn drop(&mut self) {
        self.pool.lock().give_up(self.number);
    }
}

impl<L: Leaf> Service<JsonRpcMessage> for Pooled<L> {
    type Response = Reply;
    type Error = Error;
    type Future = L::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.leaf.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> L::Future {
        self.leaf.call(message)
    }
}

impl<L: Leaf> Leaf for Pooled<L> {
    fn ended(&self) -> impl Future<Output = Exit> + Send + 'static {
        self.leaf.ended()
    }

    fn closed(&self) -> impl Future<Output = Error> + Send + 'static {
        self.leaf.closed()
    }

    fn stop(&self, why: Error) {
        self.leaf.stop(why);
    }

    fn pid(&self) -> Option<u32> {
        self.leaf.pid()
    }
}

impl<L: Leaf + fmt::Debug> fmt::Debug for Pooled<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pooled")
            .field("number", &self.lease.number)
            .field("leaf", &self.leaf)
            .finish_non_exhaustive()
    }
}
