//! Waiting for a leaf that is being made.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::state::{Made, Shared};
use crate::connect::leaf::Leaf;
use crate::error::Error;

/// Gives the leaf back that came when nobody waited any more.
pub(super) struct Waiter<'a, L: Leaf> {
    pool: &'a Arc<Shared<L>>,
    made: oneshot::Receiver<Result<Made<L>, Error>>,
}

impl<'a, L: Leaf> Waiter<'a, L> {
    pub(super) fn new(pool: &'a Arc<Shared<L>>, made: oneshot::Receiver<Result<Made<L>, Error>>) -> Self {
        Self { pool, made }
    }

    pub(super) async fn within(self, limit: Duration) -> Result<Made<L>, Error> {
        match timeout(limit, self).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::timeout(format_args!("the pool made no leaf within {limit:?}"))),
        }
    }
}

impl<L: Leaf> Future for Waiter<'_, L> {
    type Output = Result<Made<L>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.made).poll(cx).map(|outcome| {
            outcome.unwrap_or_else(|_| Err(Error::closed("the task that makes the pool's leaves is gone")))
        })
    }
}

impl<L: Leaf> Drop for Waiter<'_, L> {
    fn drop(&mut self) {
        self.made.close();
        if let Ok(Ok(made)) = self.made.try_recv() {
            // One that has ended meanwhile is nobody's loss.
            let _ = self.pool.offer(made);
        }
        self.pool.work.notify_one();
    }
}
