//! Leaves whose peers the test holds, and pools of them.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use shadowcat::Error;
use shadowcat::connect::{MakeLeaf, Multiplex, Pool, pipe};
use tower::service_fn;

use crate::support::*;

/// What the peers of all leaves are, in the order that they were made.
#[derive(Clone, Default)]
pub(crate) struct Made(pub(crate) Arc<Mutex<Vec<Option<Peer>>>>);

impl Made {
    pub(crate) fn leaf(&self) -> Multiplex {
        let (peer, read, write) = peer(1 << 16);
        self.0.lock().unwrap().push(Some(peer));
        pipe(read, write)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub(crate) fn take(&self, at: usize) -> Peer {
        self.0.lock().unwrap()[at].take().unwrap()
    }

    /// A peer lives until its leaf closes it.
    pub(crate) fn attend(&self, at: usize) {
        let mut peer = self.take(at);
        tokio::spawn(async move { while peer.hear().await.is_some() {} });
    }
}

/// A pool whose leaves' peers end when they are closed.
pub(crate) fn pool() -> (Made, Pool<impl MakeLeaf<Leaf = Multiplex>>) {
    let made = Made::default();
    let maker = made.clone();
    let make = service_fn(move |()| {
        let leaf = maker.leaf();
        maker.attend(maker.len() - 1);
        std::future::ready(Ok::<_, Error>(leaf))
    });
    (made, Pool::new(make))
}

/// Spares that were taken have been replaced.
pub(crate) async fn refilled() {
    tokio::time::sleep(Duration::from_millis(21)).await;
}
